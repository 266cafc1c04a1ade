//! The settings as a whole: precedence, aliases, masking, all errors at once.

use std::num::NonZeroU64;
use std::time::Duration;

use super::source::MapSource;
use super::*;

fn flags(pairs: &[(&str, &str)]) -> Flags {
    let mut flags = Flags::default();
    for (name, value) in pairs {
        flags.set("--set", name, *value);
    }
    flags
}

fn load_with(set: &[(&str, &str)], environment: MapSource, dot_env: &str) -> Result<Loaded, SettingsError> {
    let dot_env = DotEnv::parse(dot_env, &environment);
    load_from(&flags(set), &environment, &dot_env, 4)
}

fn shown<'a>(loaded: &'a Loaded, name: &str) -> (&'a str, String) {
    let entry = loaded.entries.iter().find(|entry| entry.row.name == name).unwrap();
    (&entry.shown, entry.origin.to_string())
}

#[test]
fn without_any_source_the_defaults_stand() {
    let loaded = load_with(&[], MapSource::from([("HOME", "/home/a")]), "").unwrap();
    let settings = &loaded.settings;
    assert_eq!(settings.pipeline.mode, PipelineMode::Streaming);
    assert_eq!(settings.crawl.concurrent_requests.get(), 16);
    assert_eq!(settings.crawl.retry_http_codes, "5xx,408,429");
    assert_eq!(settings.pipeline.in_flight_size_max, 64 << 20);
    assert_eq!(settings.embed.cache_size_max, 1 << 30);
    assert_eq!(settings.actors.embedders.get(), 4);
    assert_eq!(settings.chunk.size, None);
    assert_eq!(loaded.warnings, Vec::<String>::new());
    assert_eq!(loaded.entries.len(), table::rows().count() - later::ROWS.len());
    assert_eq!(shown(&loaded, "EMBEDDER_ACTORS"), ("4", "this machine".to_owned()));
    if cfg!(target_os = "linux") {
        assert_eq!(settings.model_cache_dir, PathBuf::from("/home/a/.cache/docmill"));
    }
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let environment = || MapSource::from([("CHUNK_TOKENS", "120"), ("DATA_DIR", "/from/env")]);
    let file = "CHUNK_TOKENS=100\nDATA_DIR=/from/file\nDEPTH_LIMIT=3\nUSER_AGENT=";
    let loaded = load_with(&[("CHUNK_TOKENS", "150"), ("CHUNK_TOKENS", "140")], environment(), file).unwrap();
    assert_eq!(loaded.settings.chunk.tokens.get(), 140);
    assert_eq!(shown(&loaded, "CHUNK_TOKENS"), ("140", "--set".to_owned()));
    assert_eq!(shown(&loaded, "DATA_DIR"), ("/from/env", "environment".to_owned()));
    assert_eq!(shown(&loaded, "DEPTH_LIMIT"), ("3", ".env line 3".to_owned()));
    assert_eq!(shown(&loaded, "USER_AGENT").1, "default");
    // An empty value asks for the default, whatever stands behind it.
    let loaded = load_with(&[("CHUNK_TOKENS", "")], environment(), file).unwrap();
    assert_eq!(loaded.settings.chunk.tokens.get(), 200);
}

#[test]
fn all_problems_come_at_once_with_place_value_and_remedy() {
    let file = "CHUNK_TOKENS=many\nDOWNLOAD_DELAY=-1\nwhat is this\nPIPELINE_MODE=full";
    let environment = MapSource::from([
        ("NEO4J_URI", "http://me:hunter2@graph:7474"),
        ("STORAGE_MODE", "s3"),
        ("START_URLS", "docs.example"),
    ]);
    let error = load_with(&[("CHUNK_TOKEN", "1"), ("MAX_ATTEMPTS", "0")], environment, file).unwrap_err();
    let text = error.to_string();
    for line in [
        "9 settings are not right, and nothing was started:",
        "  .env line 3: expected = after what",
        "  CHUNK_TOKEN (--set): there is no such setting; did you mean CHUNK_TOKENS? (`docmill config` lists all)",
        "  CHUNK_TOKENS=many (.env line 1): expected a whole number from 16 to 1000000",
        "  PIPELINE_MODE=full (.env line 4): expected one of streaming, batch",
        "  NEO4J_URI=http://********@graph:7474 (environment): expected an address that begins with neo4j://, bolt://, or one of these with +s or +ssc",
        "  STORAGE_MODE=s3 (environment): this version keeps files in DATA_DIR only: set it to local or auto",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
    }
    assert_eq!(error.0.len(), 9, "{text}");
}

#[test]
fn rules_between_settings_name_both() {
    let text = load_with(&[("CHUNK_OVERLAP_TOKENS", "300")], MapSource::default(), "RETRY_BACKOFF_MIN=2m")
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("CHUNK_OVERLAP_TOKENS=300 (--set) and CHUNK_TOKENS=200 (default): the first must be"),
        "{text}"
    );
    assert!(text.contains("RETRY_BACKOFF_MIN=2m (.env line 1) and RETRY_BACKOFF_MAX=60 (default)"), "{text}");
    assert!(check_dimension(Some(100), "m", 384).unwrap_err().to_string().contains("set it to 384"));
    assert_eq!(check_dimension(None, "m", 384), Ok(()));
}

#[test]
fn docs2vectors_file_is_taken_as_it_is() {
    let file = "PIPELINE_MODE=streaming\nSTORAGE_MODE=local\nUSE_NEO4J=false\nNEO4J_URI=neo4j://localhost:7687\n\
        NEO4J_USERNAME=neo4j\nNEO4J_PASSWORD=pa$s\\word\nNEO4J_DATABASE=neo4j\nDATA_DIR=./data\nLOG_LEVEL=INFO\n\
        EMBEDDING_PROVIDER=sentence-transformers\nEMBEDDING_MODEL=all-MiniLM-L6-v2\nEMBEDDING_BATCH_SIZE=32\n\
        EMBEDDING_DIMENSION=384\nOLLAMA_BASE_URL=http://localhost:11434\nOPENAI_API_KEY=\nOPENAI_API_BASE=\nOPENAI_ORG_ID=\n\
        SCRAPER_DOWNLOAD_DELAY=1.0\nSCRAPER_CONCURRENT_REQUESTS=2\nSCRAPER_DEPTH_LIMIT=4\nCLOSESPIDER_PAGECOUNT=100\n\
        CHUNK_SIZE=512\nCHUNK_OVERLAP=64\nS3_BUCKET_NAME=\nAWS_ACCESS_KEY_ID=\nAWS_SECRET_ACCESS_KEY=\nAWS_REGION=us-east-1\n";
    let loaded = load_with(&[], MapSource::default(), file).unwrap();
    assert_eq!(loaded.warnings, Vec::<String>::new());
    assert_eq!(loaded.settings.crawl.download_delay, Duration::from_secs(1));
    assert_eq!(loaded.settings.crawl.concurrent_requests.get(), 2);
    assert_eq!(loaded.settings.crawl.depth_limit, NonZeroU64::new(4));
    assert_eq!(loaded.settings.chunk.size, Some(512));
    assert_eq!(shown(&loaded, "NEO4J_PASSWORD"), ("********", ".env line 6".to_owned()));
    let everywhere = format!("{}{}{loaded:?}", render::config_text(&loaded), render::config_json(&loaded));
    assert!(!everywhere.contains("word\n") && !everywhere.contains("pa$s"));
}

#[test]
fn scrapys_name_wins_over_docs2vectors() {
    let file = "SCRAPER_DOWNLOAD_DELAY=5\nDOWNLOAD_DELAY=2\nSCRAPER_DEPTH_LIMIT=7\nDEPTH_LIMIT=7\nCONCURRENT_REQUESTS=\nSCRAPER_CONCURRENT_REQUESTS=3";
    let loaded = load_with(&[], MapSource::default(), file).unwrap();
    assert_eq!(loaded.settings.crawl.download_delay, Duration::from_secs(2));
    assert_eq!(loaded.settings.crawl.concurrent_requests.get(), 3);
    let warning = "SCRAPER_DOWNLOAD_DELAY (.env line 1) is ignored: DOWNLOAD_DELAY is the same setting and wins";
    assert_eq!(loaded.warnings, [warning]);
    // A bad value is reported under the name that stands in the file.
    let error = load_with(&[], MapSource::default(), "SCRAPER_DEPTH_LIMIT=deep").unwrap_err();
    assert!(error.to_string().contains("SCRAPER_DEPTH_LIMIT=deep (.env line 1): expected a whole number"), "{error}");
}

#[test]
fn unknown_names_in_the_file_are_warnings() {
    let loaded =
        load_with(&[], MapSource::from([("CHUNK_TOKENZ", "1")]), "CHUNK_TOKENZ=1\nMY_APP=x\nS3_BUCKET_NAME=b").unwrap();
    assert_eq!(
        loaded.warnings[0],
        ".env line 1: docmill has no setting CHUNK_TOKENZ and ignores it; did you mean CHUNK_TOKENS?"
    );
    assert_eq!(loaded.warnings[1], ".env line 2: docmill has no setting MY_APP and ignores it");
    assert!(loaded.warnings[2].starts_with("S3_BUCKET_NAME is set"));
}

#[test]
fn what_a_bad_value_shows_is_masked_and_on_one_line() {
    let error = load_with(&[], MapSource::from([("HF_ENDPOINT", "ftp://me:hunter2@hub\u{1b}[31m/x")]), "").unwrap_err();
    let text = error.to_string();
    assert!(!text.contains("hunter2") && !text.contains('\u{1b}') && text.contains("********@hub"), "{text}");
    let long = "9".repeat(1_000_000);
    let error = load_with(&[("CHUNK_TOKENS", &long)], MapSource::default(), "").unwrap_err();
    assert!(error.to_string().len() < 1_000);
}
