//! The house's order, held by tests and not by hope: who may know whom, what
//! stands on top of a file, how long a function may be.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a function at most, from its `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Every Rust file of a folder, with its text.
fn rust_files(folder: &str) -> Vec<(PathBuf, String)> {
    fn collect(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
        let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                collect(&path, files);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    let mut files = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    if folder.is_dir() {
        collect(&folder, &mut files);
    }
    files
}

fn all_files() -> Vec<(PathBuf, String)> {
    let files: Vec<_> =
        ["src", "actors/src", "stages/src", "tests", "benches"].into_iter().flat_map(rust_files).collect();
    assert!(files.len() > 100, "the files are not where they are looked for");
    files
}

/// The names under `[dependencies]` and its like in a manifest.
fn dependencies(manifest: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest);
    let text = fs::read_to_string(&path).unwrap();
    let mut is_in = false;
    let mut names = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            is_in = line.ends_with("dependencies]") && !line.starts_with("[workspace");
        } else if let Some((name, _)) = line.split_once(['.', '=']).filter(|_| is_in && !line.starts_with('#')) {
            names.push(name.trim().to_owned());
        }
    }
    assert!(!names.is_empty(), "{manifest}");
    names
}

#[test]
fn dependencies_point_one_way() {
    let (stages, actors) = (dependencies("stages/Cargo.toml"), dependencies("actors/Cargo.toml"));
    for name in &stages {
        assert!(!name.contains("actix") && !name.starts_with("docmill"), "stages/ depends on {name}");
    }
    assert!(actors.iter().any(|name| name == "docmill-stages"));
    assert!(!actors.iter().any(|name| name == "docmill"), "actors/ depends on the program");
}

#[test]
fn stages_know_no_actors() {
    for (path, text) in rust_files("stages/src") {
        assert!(!text.contains("actix") && !text.contains("docmill_actors"), "{}", path.display());
    }
}

#[test]
fn a_file_begins_with_what_it_is_for() {
    let mut without = all_files();
    without.retain(|(_, text)| text.lines().next().and_then(|line| line.strip_prefix("//! ")).is_none());
    let without: Vec<PathBuf> = without.into_iter().map(|(path, _)| path).collect();
    assert!(without.is_empty(), "{without:#?}");
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let mut long = Vec::new();
    for (path, text) in all_files() {
        for (line, name, lines) in functions(&text) {
            if lines > FUNCTION_LINES_MAX {
                long.push(format!("{}:{line} {name}: {lines} lines", path.display()));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

/// The functions of a file as rustfmt lays them out: line, name, lines. One
/// ends at the first brace that stands in the column of its beginning.
fn functions(text: &str) -> Vec<(usize, String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let is_function = trimmed.split('"').next().is_some_and(|code| {
            !code.starts_with("//") && (code.starts_with("fn ") || code.contains(" fn ")) && !code.contains(';')
        });
        if !is_function {
            continue;
        }
        let indent = line.len() - trimmed.len();
        let is_end = |line: &&str| line.len() == indent + 1 && line.ends_with('}') && line.trim().len() == 1;
        let Some(length) = lines[start..].iter().position(is_end) else { continue };
        // One that is written on one line has no such end of its own.
        if trimmed.contains('{') && trimmed.ends_with('}') {
            continue;
        }
        let name = trimmed.split("fn ").nth(1).unwrap_or_default();
        let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        found.push((start + 1, name, length + 1));
    }
    found
}

#[test]
fn long_functions_are_seen() {
    let body = "        step();\n".repeat(80);
    let text =
        format!("impl X {{\n    pub(crate) async fn long(&self) -> u8 {{\n{body}    }}\n\n    fn short() {{}}\n}}\n");
    assert_eq!(functions(&text), [(2, "long".to_owned(), 82)]);
}

#[test]
fn settings_are_read_in_one_place() {
    for (path, text) in ["actors/src", "stages/src"].into_iter().flat_map(rust_files) {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let is_for_tests = path.ends_with("fault.rs") || path.ends_with("testing.rs") || path.ends_with("tests.rs");
        assert!(is_for_tests || !code.contains("env::var"), "{} reads the environment", path.display());
    }
}

#[test]
fn every_setting_stands_in_the_readme() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let docmill = crate::support::program::Docmill::new();
    let answer = docmill.run(&["config", "--json"]).expect(0).json();
    let settings = answer["settings"].as_array().unwrap();
    assert!(settings.len() > 30);
    for setting in settings {
        let name = setting["name"].as_str().unwrap();
        assert!(readme.contains(&format!("`{name}`")), "{name} is not in the README");
    }
}

#[test]
fn every_invariant_is_cited() {
    let code: String = all_files().into_iter().map(|(_, text)| text.to_lowercase()).collect();
    let cited: BTreeSet<u32> = code.match_indices("invariant").flat_map(|(at, _)| numbers_after(&code[at..])).collect();
    let missing: Vec<u32> = (1..=11).filter(|number| !cited.contains(number)).collect();
    assert!(missing.is_empty(), "nothing cites the invariants {missing:?}");
}

/// The numbers of `invariant 4`, or of `invariants 3, 5 and 6`.
fn numbers_after(text: &str) -> Vec<u32> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).skip(1);
    words
        .take_while(|word| *word == "and" || word.parse::<u32>().is_ok())
        .filter_map(|word| word.parse().ok())
        .collect()
}

#[test]
fn nothing_of_a_package_host_stands_in_the_files() {
    // Put together here, so that this file does not hold what it looks for.
    let hosts = [
        ["static.crates", ".io"],
        ["files.python", "hosted.org"],
        ["registry.npm", "js.org"],
        ["proxy.golang", ".org"],
    ];
    for (path, text) in all_files() {
        for host in hosts {
            assert!(!text.contains(&host.concat()), "{} names {}", path.display(), host.concat());
        }
    }
}
