//! `docmill demo`: the first thing that a newcomer runs.

use crate::support::model::needs_model;
use crate::support::program::{Docmill, Finished};

/// The number before `what` in the summary.
fn number(finished: &Finished, what: &str) -> u64 {
    let text = &finished.stdout;
    let at = text.find(what).unwrap_or_else(|| panic!("no {what:?} in the summary\n{finished}"));
    let digits: String = text[..at].trim_end().chars().rev().take_while(char::is_ascii_digit).collect();
    digits.chars().rev().collect::<String>().parse().unwrap_or_else(|_| panic!("no number before {what:?}\n{finished}"))
}

#[test]
fn the_demo_answers_two_questions_and_embeds_nothing_the_second_time() {
    needs_model!();
    let mut docmill = Docmill::new();
    docmill.unset("RETRY_BACKOFF_MIN");
    docmill.unset("RETRY_BACKOFF_MAX");
    let first = docmill.run(&["demo"]).expect(0).prints(&["Errors=0"]);
    assert!(number(&first, "embedded") > 20, "{first}");
    assert!(number(&first, "fetched") >= 12, "{first}");
    let answers = |finished: &Finished| {
        let lines = finished.stdout.lines().filter(|line| line.trim_start().starts_with("http://127.0.0.1:"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let second = docmill.run(&["demo"]).expect(0).prints(&["Errors=0"]);
    assert_eq!(number(&second, "embedded"), 0, "{second}");
    assert!(number(&second, "unchanged") >= 12, "{second}");
    assert_eq!(number(&second, "fetched"), 0, "a page was fetched again\n{second}");
    // The same port, and so the same answers.
    assert!(answers(&first).len() >= 2, "{first}");
    assert_eq!(answers(&first), answers(&second));
    assert_eq!(std::fs::read_dir(docmill.data_dir()).unwrap().count(), 1, "only DATA_DIR/demo is written");
}
