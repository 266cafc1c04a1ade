//! `docmill verify`: what disagrees is found, mended once, and made again to
//! the same data.

use std::fs;

use crate::support::model::needs_model;
use crate::support::program::{Docmill, Finished, Signal};
use crate::support::random::seed;
use crate::support::site::Site;

const PAGES: usize = 6;

/// The kinds of what was found, or mended.
fn kinds(finished: &Finished, list: &str) -> Vec<String> {
    let answer = finished.json();
    let findings = answer[list].as_array().unwrap();
    let mut kinds: Vec<String> = findings.iter().map(|finding| finding["kind"].as_str().unwrap().to_owned()).collect();
    kinds.sort();
    kinds
}

fn change_index(docmill: &Docmill, sql: &str) {
    let index = docmill_stages::db::Connection::open(docmill.data_dir().join("index.db")).unwrap();
    index.execute_batch(sql).unwrap();
}

#[test]
fn each_damage_is_found_and_repaired_to_the_same_digest() {
    needs_model!();
    let server = Site::new(seed(), PAGES).server();
    let docmill = Docmill::new();
    docmill.run(&["run", &server.url(Site::ROOT)]).expect(0);
    let digest = docmill.digest();
    docmill.run(&["verify"]).expect(0).prints(&["6 items", "6 documents", "agree"]);

    let in_data = |name: &str| docmill.data_dir().join(name);
    let chunks = docmill.files("chunks");
    let cut = in_data("chunks").join(&chunks[0]);
    let length = fs::metadata(&cut).unwrap().len();
    fs::OpenOptions::new().write(true).open(&cut).unwrap().set_len(length / 2).unwrap();
    // Of its old size, so that a start does not see it.
    let rotten = in_data("chunks").join(&chunks[1]);
    let text = fs::read_to_string(&rotten).unwrap();
    fs::write(&rotten, text.replacen("the", "thy", 1)).unwrap();
    fs::remove_file(in_data("processed").join(&docmill.files("processed")[2])).unwrap();
    let key = chunks[3].trim_end_matches("_chunks.json").rsplit('_').next().unwrap();
    change_index(
        &docmill,
        &format!(
            "UPDATE vector SET vector = zeroblob(length(vector)) WHERE chunk IN
                 (SELECT chunk.id FROM chunk JOIN document ON document.id = document WHERE key = '{key}');
             INSERT INTO words (rowid, title, headings, text) VALUES (999999, 'a', 'b', 'c');"
        ),
    );
    fs::write(in_data("raw/.tmp-half"), "[{").unwrap();
    let expected = ["files_damaged", "files_missing", "index_differs", "index_differs", "index_strays", "leftover"];
    let found = docmill.run(&["verify", "--json"]).expect(1);
    assert_eq!(kinds(&found, "findings"), expected, "{found}");
    docmill.run(&["verify"]).expect(1).prints(&["--repair: ", "docmill process", chunks[0].as_str()]);

    let repaired = docmill.run(&["verify", "--repair", "--json"]).expect(0);
    assert_eq!(kinds(&repaired, "mended"), expected, "{repaired}");
    assert_eq!(docmill.status().items("waiting"), 4);
    let again = docmill.run(&["verify", "--repair", "--json"]).expect(0);
    assert_eq!((kinds(&again, "mended"), kinds(&again, "findings")), (vec![], vec![]), "{again}");
    docmill.run(&["process"]).expect(0);
    assert_eq!(docmill.digest(), digest);
    docmill.run(&["verify"]).expect(0);
}

#[test]
fn it_works_beside_a_run_and_repairs_nothing_there() {
    needs_model!();
    let docmill = Docmill::new();
    docmill.run(&["verify"]).expect(69).says(&["docmill run"]);
    docmill.put_raw("item_1.json", r#"[{"url": "https://a.example/", "title": "A", "content": "Herons."}]"#);
    let mut running = docmill.start(&["watch"]);
    running.until("its document", |_| (docmill.files("chunks").len() == 1).then_some(()));
    for number in 2..6 {
        let item = format!(r#"[{{"url": "https://a.example/{number}", "title": "A", "content": "Herons {number}."}}]"#);
        docmill.put_raw(&format!("item_{number}.json"), item);
        let beside = docmill.run(&["verify", "--json"]).expect(0);
        assert_eq!(beside.json()["running"], true, "{beside}");
    }
    docmill.run(&["verify", "--repair"]).expect(69).says(&["in use", &running.id().to_string()]);
    running.until("the others", |_| (docmill.status().items("done") == 5).then_some(()));
    running.signal(Signal::Interrupt);
    running.finish().expect(0);
    docmill.run(&["verify"]).expect(0).prints(&["5 items"]);
}
