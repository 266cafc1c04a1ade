//! What a person types, and what docmill says to it.

use crate::support::program::Docmill;

#[test]
fn help_names_every_command_and_how_to_begin() {
    let commands = [
        "run",
        "crawl",
        "process",
        "watch",
        "search",
        "status",
        "digest",
        "remove",
        "reprocess",
        "embed",
        "models",
        "config",
        "completions",
        "man",
        "demo",
    ];
    let help = Docmill::new().run(&["--help"]).expect(0);
    let help = help.prints(&["docmill demo", "docmill run https://", "docmill search"]);
    for command in commands {
        assert!(help.stdout.lines().any(|line| line.trim_start().starts_with(command)), "{command}\n{help}");
        let own = Docmill::new().run(&[command, "--help"]).expect(0).prints(&["Usage: docmill", command]);
        assert!(own.stderr.is_empty(), "{own}");
    }
    assert!(help.stderr.is_empty(), "{help}");
}

#[test]
fn the_version_is_printed() {
    let version = format!("docmill {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(Docmill::new().run(&["--version"]).expect(0).stdout, version);
}

#[test]
fn what_is_not_understood_ends_with_64_and_says_what_to_type() {
    let docmill = Docmill::new();
    let cases: [(&[&str], &str); 9] = [
        (&[], "docmill demo"),
        (&["--mode", "full"], "docmill run URL"),
        (&["--mode=scrape"], "docmill crawl URL"),
        (&["run", "--mode", "full", "https://a.example/"], "docmill run URL"),
        (&["run", "--mode", "sideways", "https://a.example/"], "streaming"),
        (&["https://a.example/"], "docmill run https://a.example/"),
        (&["serach", "x"], "search"),
        (&["digest", "--from", "nowhere"], "index"),
        (&["run", "--set", "CHUNK_TOKENS"], "NAME=VALUE"),
    ];
    for (words, says) in cases {
        let finished = docmill.run(words).expect(64).says(&[says]);
        assert!(finished.stdout.is_empty(), "{finished}");
    }
    assert!(!docmill.data_dir().exists(), "something was started");
}

#[test]
fn config_tells_each_setting_its_value_and_where_it_came_from() {
    let docmill = Docmill::new().env("NEO4J_PASSWORD", "sw0rdfish").env("CHUNK_TOKENS", "150");
    docmill.put_dotenv("CHUNK_TOKENS=100\nCHUNK_OVERLAP_TOKENS=20\nOPENAI_API_KEY=sk-sw0rdfish\n");
    let finished = docmill.run(&["config", "--json", "--set", "MAX_ATTEMPTS=5"]).expect(0);
    let answer = finished.json();
    let entry = |name: &str| {
        let found = answer["settings"].as_array().unwrap().iter().find(|entry| entry["name"] == name);
        let entry = found.unwrap_or_else(|| panic!("no {name} in {answer:#}"));
        (entry["value"].as_str().unwrap().to_owned(), entry["from"].as_str().unwrap().to_owned())
    };
    assert_eq!(entry("CHUNK_TOKENS"), ("150".to_owned(), "environment".to_owned()));
    assert_eq!(entry("CHUNK_OVERLAP_TOKENS"), ("20".to_owned(), ".env line 2".to_owned()));
    assert_eq!(entry("MAX_ATTEMPTS"), ("5".to_owned(), "--set".to_owned()));
    assert_eq!(entry("MAX_IN_FLIGHT"), ("256".to_owned(), "default".to_owned()));
    let text = docmill.run(&["config"]).expect(0).prints(&["CHUNK_TOKENS", "NEO4J_PASSWORD"]);
    for shown in [&text, &finished] {
        assert!(
            !shown.stdout.contains("sw0rdfish") && !shown.stderr.contains("sw0rdfish"),
            "a secret is shown\n{shown}"
        );
    }
}

#[test]
fn flags_win_over_the_environment_and_that_over_dotenv() {
    let mut docmill = Docmill::new();
    docmill.put_dotenv("LOG_LEVEL=ERROR\nDATA_DIR=./from-dotenv\n");
    let data_dir = |docmill: &Docmill, words: &[&str]| {
        let words: Vec<&str> = ["config", "--json"].iter().chain(words).copied().collect();
        let answer = docmill.run(&words).expect(0).json();
        let found = answer["settings"].as_array().unwrap().iter().find(|entry| entry["name"] == "DATA_DIR").cloned();
        found.unwrap()["value"].as_str().unwrap().to_owned()
    };
    assert_eq!(data_dir(&docmill, &["--data-dir", "/flag"]), "/flag");
    assert_eq!(data_dir(&docmill, &[]), docmill.data_dir().to_str().unwrap());
    docmill.unset("DATA_DIR");
    assert_eq!(data_dir(&docmill, &[]), "./from-dotenv");
}

#[test]
fn nothing_is_written_beside_data_dir() {
    let docmill = Docmill::new();
    docmill.run(&["config"]).expect(0);
    docmill.run(&["status"]).expect(69);
    assert!(!docmill.data_dir().exists());
    let left = |name: &str| std::fs::read_dir(docmill.path(name)).unwrap().count();
    assert_eq!((left("work"), left("home")), (0, 0));
}
