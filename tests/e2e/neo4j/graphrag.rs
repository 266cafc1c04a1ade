//! neo4j-graphrag from Python's package index, as it comes, reads the graph.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::model::{self, needs_model};
use crate::support::neo4j::{PASSWORD, needs_neo4j};
use crate::support::random::seed;
use crate::support::site::Site;

const PACKAGE: &str = "neo4j-graphrag==1.22.0";

/// A Python that has the package, made once in the user's cache folder.
fn python() -> Result<PathBuf, String> {
    let folder = model::cache_folder().join("test-servers").join("graphrag-1.22.0");
    let (python, whole) = (folder.join("bin/python"), folder.join("whole"));
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let lock = File::create(folder.join("lock")).and_then(|lock| lock.lock().map(|()| lock));
    let _lock = lock.map_err(|error| error.to_string())?;
    if whole.exists() {
        return Ok(python);
    }
    let run = |program: &Path, words: &[&str]| {
        let ended = Command::new(program).args(words).stdin(Stdio::null()).output();
        match ended {
            Ok(ended) if ended.status.success() => Ok(()),
            Ok(ended) => Err(String::from_utf8_lossy(&ended.stderr).into_owned()),
            Err(error) => Err(error.to_string()),
        }
    };
    run(Path::new("python3"), &["-m", "venv", &folder.to_string_lossy()])?;
    run(&python, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE])?;
    fs::write(&whole, PACKAGE).map_err(|error| error.to_string())?;
    Ok(python)
}

fn retrieve(python: &Path, asked: &Value) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/neo4j/graphrag.py");
    let mut command = Command::new(python);
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    serde_json::from_slice(&ended.stdout).unwrap()
}

#[test]
fn its_retrievers_answer_from_the_graph() {
    needs_model!();
    let graph = needs_neo4j!();
    let python = match python() {
        Ok(python) => python,
        Err(why) => {
            assert!(std::env::var_os("CI").is_none(), "{PACKAGE} cannot be had: {why}");
            eprintln!("SKIPPED: this test needs {PACKAGE}, which cannot be had: {why}");
            return;
        }
    };
    let server = Site::new(seed(), 12).server();
    let docmill = graph.docmill();
    docmill.run(&["run", &server.url(Site::ROOT)]).expect(0);
    let subject = docmill.documents().into_values().next().unwrap().title;
    let question = format!("What is known of the {subject}");
    let vector = docmill.run(&["embed", "--json", "--question", &question]).expect(0).json()["embedding"].clone();
    assert!(vector.as_array().is_some_and(|numbers| numbers.len() == 384), "{vector}");
    let asked = json!({"uri": graph.uri(), "password": PASSWORD, "question": question, "vector": vector});
    let found = retrieve(&python, &asked);
    for retriever in ["vector", "vector_cypher", "hybrid"] {
        let contents = found[retriever].as_array().unwrap();
        assert_eq!(contents.len(), 3, "{found:#}");
        assert!(contents[0].as_str().unwrap().contains(&subject), "{retriever} of {subject}: {found:#}");
    }
    // What a language model is handed: no page, no JSON, no vector.
    let lean = ["headings", "id", "index", "revision", "text", "title", "url"];
    assert_eq!(found["properties"], json!(lean));
}
