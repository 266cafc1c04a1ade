//! Embedding by a service: what it is asked, what becomes of its faults, and
//! that its key is seen nowhere.

use std::net::TcpListener;

use crate::support::embedding_service::{EmbeddingService, Fault, ollama_error, openai_error};
use crate::support::program::{Docmill, Finished, Signal};
use crate::support::server::Answer;

const PROVIDERS: [&str; 2] = ["openai", "ollama"];

/// A few short pages; [`place`] adds one of several chunks.
const PAGES: [(&str, &str); 2] = [
    ("ovens", "# Ovens\n\nBake the loaf at 230 degrees until its crust is brown."),
    ("birds", "# Birds\n\nStorks fly south over the strait in late summer."),
];

/// A page with a chunk for each of these words, at 64 tokens a chunk.
fn long_page() -> String {
    let section = |word: &&str| format!("## About {word}\n\n{}\n\n", format!("{word} is a letter. ").repeat(10));
    ["alpha", "beta", "gamma", "delta", "epsilon"].iter().map(section).collect()
}

/// A place with the pages, whose settings name the service.
fn place(service: &EmbeddingService, provider: &str) -> Docmill {
    let docmill = service.docmill(provider).env("CHUNK_TOKENS", "64").env("CHUNK_OVERLAP_TOKENS", "0");
    let long = long_page();
    for (name, text) in PAGES.into_iter().chain([("letters", long.as_str())]) {
        let item = serde_json::json!({"url": format!("https://a.example/{name}"), "title": name, "content": text});
        docmill.put_raw(&format!("item_{name}.json"), serde_json::to_vec(&[item]).unwrap());
    }
    docmill
}

/// The key stands in nothing that was printed or written.
#[track_caller]
fn assert_hidden(docmill: &Docmill, finished: &[&Finished]) {
    let config = docmill.run(&["config", "--json"]).expect(0);
    for printed in finished.iter().copied().chain([&config]) {
        assert!(!format!("{}{}", printed.stdout, printed.stderr).contains("sw0rdfish"), "{printed}");
    }
    for entry in std::fs::read_dir(docmill.data_dir()).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(8).any(|window| window == b"sw0rdfis"), "{} holds the key", path.display());
        }
    }
}

#[test]
fn both_formats_index_answer_and_embed_nothing_twice() {
    for provider in PROVIDERS {
        let service = EmbeddingService::start();
        let docmill = place(&service, provider);
        let run = docmill.run(&["process"]).expect(0);
        assert_eq!(docmill.status().items("done"), 3);
        assert_eq!(docmill.search("when do storks fly south")[0].path(), "/birds");
        assert_eq!(docmill.search("brown crust of the loaf")[0].path(), "/ovens");
        let asked = service.asked().len();
        let again = docmill.run(&["process"]).expect(0).prints(&["0 embedded"]);
        assert_eq!(service.asked().len(), asked, "{provider}");
        // Without the ledger and the index, the cache has the vectors.
        for name in ["state.db", "index.db"] {
            for end in ["", "-wal", "-shm"] {
                let _may_not_be_there = std::fs::remove_file(docmill.data_dir().join(format!("{name}{end}")));
            }
        }
        docmill.run(&["process"]).expect(0);
        assert_eq!(service.asked().len(), asked, "{provider}");
        assert_hidden(&docmill, &[&run, &again]);

        let batch = place(&service, provider);
        batch.run(&["process", "--mode", "batch"]).expect(0);
        assert_eq!(batch.digest(), docmill.digest(), "{provider}");
    }
}

#[test]
fn what_passes_is_tried_again_and_changes_nothing() {
    for provider in PROVIDERS {
        let service = EmbeddingService::start();
        let docmill = place(&service, provider);
        docmill.run(&["process"]).expect(0);
        let busy = openai_error(429, "slow down", "rate_limit_exceeded");
        for fault in [
            Fault::Says(busy.clone().header("Retry-After", "1")),
            Fault::Says(busy.header("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT")),
            Fault::Says(Answer::status(500)),
            Fault::Says(Answer::html("").cut_after(0).claiming(9)),
            Fault::HalfABody,
            Fault::OneTooFew,
            Fault::IndexTwice,
            Fault::Never,
        ] {
            // An Ollama has no indices.
            if provider == "ollama" && matches!(fault, Fault::IndexTwice) {
                continue;
            }
            let shown = format!("{provider}: {fault:?}");
            let other = place(&service, provider).env("EMBEDDING_TIMEOUT", "2s").env("MAX_ATTEMPTS", "1");
            service.fail([fault]);
            let finished = other.run(&["process"]).expect(0);
            assert_eq!(other.status().items("done"), 3, "{shown}");
            assert_eq!(other.digest(), docmill.digest(), "{shown}");
            assert_hidden(&other, &[&finished]);
        }
    }
}

#[test]
fn what_does_not_pass_is_a_dead_item_that_says_what_to_do() {
    for (fault, kind, remedy) in [
        (Fault::Says(openai_error(400, "maximum context length is 512 tokens", "x")), "too_long", "CHUNK_TOKENS"),
        (Fault::Says(openai_error(400, "no", "x")), "service_refused", "EMBEDDING_MODEL"),
        (Fault::Dimension(5), "bad_vector", "a vector of 5 numbers where 48 were expected"),
        (Fault::Says(Answer::status(500)), "service_failed", "try again later"),
        (Fault::OneTooFew, "service_answer", "OPENAI_API_BASE"),
        (Fault::Never, "service_timeout", "EMBEDDING_TIMEOUT"),
    ] {
        let service = EmbeddingService::start();
        service.poison("gamma", fault);
        let docmill = place(&service, "openai").envs([
            ("EMBEDDING_RETRIES", "0"),
            ("EMBEDDING_TIMEOUT", "1s"),
            ("MAX_ATTEMPTS", "2"),
        ]);
        let finished = docmill.run(&["process"]).expect(1).says(&[kind, remedy]);
        let status = docmill.status();
        assert_eq!((status.items("done"), status.items("dead")), (2, 1), "{kind}");
        let dead = status.dead()[0].to_string();
        assert!(dead.contains(remedy), "{dead}");
        assert_hidden(&docmill, &[&finished]);
    }
}

#[test]
fn a_batch_that_is_refused_for_one_text_is_split_until_it_stands_alone() {
    let service = EmbeddingService::start();
    service.poison("gamma", Fault::Says(ollama_error(400, "the input length exceeds the context length")));
    let docmill = place(&service, "ollama");
    docmill.run(&["process"]).expect(1).says(&["gamma", "tokens)", "CHUNK_TOKENS"]);
    let alone = service.asked().into_iter().filter(|texts| texts.len() == 1 && texts[0].contains("gamma")).count();
    assert_eq!(alone, 1, "a refusal is not tried again");
    assert_eq!(docmill.status().items("done"), 2);
}

#[test]
fn requests_are_as_large_as_settings_and_service_take_them() {
    let service = EmbeddingService::start();
    let docmill = place(&service, "openai").env("EMBEDDING_BATCH_SIZE", "3");
    docmill.run(&["process"]).expect(0);
    let sizes: Vec<usize> = service.asked().iter().map(Vec::len).collect();
    assert!(sizes.contains(&3) && sizes.iter().all(|&size| size <= 3), "{sizes:?}");
    let narrow = EmbeddingService::start();
    narrow.limit_inputs(1);
    let other = place(&narrow, "openai");
    other.run(&["process"]).expect(0);
    assert_eq!(other.status().items("done"), 3);
}

#[test]
fn a_call_ends_before_its_stage_would_hang() {
    let service = EmbeddingService::start();
    service.poison("gamma", Fault::Never);
    let docmill = place(&service, "openai").env("STAGE_TIMEOUT", "5s").env("MAX_ATTEMPTS", "1");
    let finished = docmill.run(&["process"]).expect(1).says(&["kind=service_timeout", "STAGE_TIMEOUT"]);
    assert!(!finished.stderr.contains("came back after"), "{finished}");
    assert_eq!(docmill.status().items("done"), 2);
}

#[test]
fn an_outage_burns_no_attempt_and_ends_when_the_service_is_back() {
    for answer in
        [Answer::status(503), openai_error(401, "revoked", "x"), openai_error(429, "used up", "insufficient_quota")]
    {
        let service = EmbeddingService::start();
        service.go_down(1, answer);
        let docmill = place(&service, "openai").env("EMBEDDING_RETRIES", "0").env("MAX_ATTEMPTS", "1");
        let mut running = docmill.start(&["process"]);
        running.until("its tickets back", |running| {
            let pauses = running.stderr().contains("the embedder pauses");
            (pauses && docmill.status().items("waiting") == 3).then_some(())
        });
        running.until("a failed probe", |running| running.stderr().contains("still pauses").then_some(()));
        service.come_back();
        let finished = running.finish().expect(0).says(&["the embedder goes on"]);
        assert_eq!(finished.stderr.matches(" processed").count(), 6, "no item came back to it in vain: {finished}");
        assert_eq!(docmill.status().items("done"), 3);
        assert_hidden(&docmill, &[&finished]);
    }
}

#[test]
fn an_outage_that_does_not_end_ends_the_run_and_nothing_is_lost() {
    let service = EmbeddingService::start();
    let whole = place(&service, "openai");
    whole.run(&["process"]).expect(0);
    for mode in ["streaming", "batch"] {
        service.go_down(1, Answer::status(503));
        let docmill = place(&service, "openai").env("EMBEDDING_RETRIES", "0").env("OUTAGE_LIMIT", "2s");
        let finished = docmill.run(&["process", "--mode", mode]).expect(69);
        let last = finished.stderr.lines().last().unwrap_or_default();
        assert!(last.contains("OUTAGE_LIMIT") && last.contains("start again"), "{finished}");
        let status = docmill.status();
        assert_eq!((status.items("dead"), status.items("waiting")), (0, 3), "{mode}");
        service.come_back();
        docmill.run(&["process", "--mode", mode]).expect(0);
        assert_eq!(docmill.digest(), whole.digest(), "{mode}");
    }
}

#[test]
fn a_key_that_is_refused_now_and_then_is_no_items_fault() {
    let service = EmbeddingService::start();
    let docmill = place(&service, "openai").env("MAX_ATTEMPTS", "1");
    service.fail([Fault::Says(openai_error(401, "Incorrect API key provided", "invalid_api_key"))]);
    docmill.run(&["process"]).expect(0).says(&["does not let us in"]);
    assert_eq!(docmill.status().items("done"), 3);
}

#[test]
fn a_service_that_asks_for_a_long_pause_is_left_alone() {
    let service = EmbeddingService::start();
    service.go_down(1, openai_error(429, "tomorrow", "x").header("Retry-After", "3000"));
    let docmill = place(&service, "openai").envs([("EMBEDDER_ACTORS", "1"), ("RETRY_BACKOFF_MAX", "1s")]);
    let mut running = docmill.start(&["process"]);
    let is_said = |text: &str| text.matches("more than STAGE_TIMEOUT leaves").count() > 5;
    running.until("several refused calls", |running| is_said(&running.stderr()).then_some(()));
    assert_eq!(service.requests().len(), 2, "it was asked in its pause");
    running.signal(Signal::Interrupt);
    running.finish().expect(75);
    let status = docmill.status();
    assert_eq!((status.items("dead"), status.items("waiting")), (0, 3));
}

#[test]
fn what_is_wrong_at_the_start_ends_it_with_the_setting_to_change() {
    let service = EmbeddingService::start();
    let start = |name: &str, value: &str, provider: &str| place(&service, provider).env(name, value);
    let wrong_key = start("OPENAI_API_KEY", "sk-sw0rdfish-wrong", "openai");
    let refused = wrong_key.run(&["process"]).expect(78).says(&["status 401", "OPENAI_API_KEY"]);
    assert_hidden(&wrong_key, &[&refused]);
    assert_eq!(service.requests().len(), 1, "a refused key is not tried again");
    start("EMBEDDING_MODEL", "other", "ollama").run(&["process"]).expect(78).says(&["ollama pull other"]);
    start("EMBEDDING_MODEL", "other", "openai").run(&["process"]).expect(78).says(&["EMBEDDING_MODEL"]);
    start("EMBEDDING_DIMENSION", "7", "openai").run(&["process"]).expect(78).says(&["EMBEDDING_DIMENSION=7", "48"]);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (name, provider) in [("OPENAI_API_BASE", "openai"), ("OLLAMA_BASE_URL", "ollama")] {
        let place = start(name, &format!("http://me:sw0rdfish@{free}/v1"), provider);
        let finished = place.run(&["process"]).expect(69).says(&["cannot be reached", name]);
        assert_hidden(&place, &[&finished]);
    }
}

#[test]
fn a_redirect_does_not_carry_the_key_away() {
    let service = EmbeddingService::start();
    let other = EmbeddingService::start();
    service.go_down(0, Answer::redirect(307, &other.url("/v1/embeddings")));
    place(&service, "openai").run(&["process"]).expect(78).says(&["status 307", "OPENAI_API_BASE"]);
    assert!(other.requests().is_empty());
}

#[test]
fn a_missing_key_is_reported_with_all_else_that_is_wrong() {
    let docmill = Docmill::new().env("EMBEDDING_PROVIDER", "openai").env("EMBEDDING_BATCH_SIZE", "0");
    docmill.run(&["process"]).expect(78).says(&["2 settings are not right", "OPENAI_API_KEY", "EMBEDDING_BATCH_SIZE"]);
}

#[test]
fn words_stand_before_questions_and_passages() {
    let service = EmbeddingService::start();
    let prefixes = [("EMBEDDING_QUERY_PREFIX", "query:"), ("EMBEDDING_PASSAGE_PREFIX", "passage:")];
    let docmill = place(&service, "openai").envs(prefixes);
    docmill.run(&["process"]).expect(0);
    assert!(service.asked().iter().flatten().all(|text| text.starts_with("passage: ")));
    assert_eq!(docmill.search("storks")[0].path(), "/birds");
    assert_eq!(service.asked().last().unwrap(), &["query: storks"]);
}

#[test]
fn a_question_is_answered_by_words_while_the_service_fails() {
    let service = EmbeddingService::start();
    let docmill = place(&service, "openai").env("EMBEDDING_RETRIES", "0");
    docmill.run(&["process"]).expect(0);
    let before = service.requests().len();
    service.go_down(1, Answer::status(500));
    let long = "storks fly south ".repeat(20);
    let finished = docmill.run(&["search", "--json", "--", &long]).expect(0).says(&["searching by words only"]);
    assert!(finished.json()["hits"][0]["url"].as_str().unwrap().contains("/birds"), "{finished}");
    // The model, the question, and once more to see who is to blame.
    assert_eq!(service.requests().len(), before + 3);
}
