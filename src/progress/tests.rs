//! What is drawn and printed, on a terminal in memory.

use super::*;
use crate::exit::Exit;
use indicatif::InMemoryTerm;
use std::path::PathBuf;

fn view() -> View {
    View {
        crawl: CrawlView {
            ended: false,
            fetched: 10,
            unchanged: 2,
            queued: 5,
            left_out: [("robots".to_owned(), 2), ("noindex".to_owned(), 1)].into(),
            failed: 1,
        },
        items: ItemsView {
            admitted: 12,
            done: 5,
            removed: 2,
            skipped: 3,
            dropped: 1,
            dead: 1,
            waiting: 1,
            in_flight: 2,
        },
        documents: 9,
        chunks: 103,
        chunks_done: 93,
        embeddings: 50,
        cache_hits: 20,
        retries: 3,
        stage_times: vec![("crawl", Duration::from_millis(1_500)), ("embed", Duration::from_secs(20))],
        pauses: Vec::new(),
        elapsed: Duration::from_secs(75),
    }
}

#[test]
fn the_live_line_is_docs2vectors() {
    let view = View {
        items: ItemsView { admitted: 12, done: 12, ..ItemsView::default() },
        documents: 12,
        chunks: 103,
        embeddings: 103,
        ..View::default()
    };
    assert_eq!(view.live_line(), "Progress: Files=12, Docs=12, Chunks=103, Embeddings=103, Errors=0");
}

#[test]
fn the_plain_line_comes_when_it_changed_and_not_too_often() {
    let (mut plain, mut out, mut view) = (Plain::default(), Vec::new(), view());
    plain.update(&view, &mut out);
    view.chunks += 1;
    plain.update(&view, &mut out);
    view.elapsed += PLAIN_INTERVAL;
    plain.update(&view, &mut out);
    view.elapsed += PLAIN_INTERVAL;
    plain.update(&view, &mut out);
    view.chunks += 1;
    plain.last(&view, &mut out);
    plain.last(&view, &mut out);
    let text = String::from_utf8(out).unwrap();
    let chunks: Vec<&str> = text.lines().map(|line| line.split(", ").nth(2).unwrap()).collect();
    assert_eq!(chunks, ["Chunks=103", "Chunks=104", "Chunks=105"]);
}

#[test]
fn bars_show_each_part_and_go_away() {
    let terminal = InMemoryTerm::new(10, 120);
    let mut progress = Progress::with_bars(ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), u8::MAX));
    progress.update(&View::default());
    assert_eq!(terminal.contents(), "");
    progress.update(&view());
    let drawn = terminal.contents();
    for part in [
        "crawl [",
        "16/21",
        "5 known and not yet fetched",
        "pages [",
        "9/12",
        "2 in flight, 1 waiting, 1 dead, 3 retries",
        "chunks [",
        "50/103",
        "20 from the cache",
        " left ",
    ] {
        assert!(drawn.contains(part), "{part}\n{drawn}");
    }
    let mut download = progress.download("model\n.safetensors");
    download.say("asking");
    download.set(5 << 20, 10 << 20);
    let drawn = terminal.contents();
    assert!(drawn.contains("model .safetensors") && drawn.contains("5.00 MiB/10.00 MiB"), "{drawn}");
    drop(download);
    if let Shown::Bars(bars) = &mut progress.shown {
        bars.clear();
    }
    assert_eq!(terminal.contents(), "");
}

#[test]
fn the_summary_says_what_where_and_what_next() {
    let places = Places { data_dir: PathBuf::from("./data"), exit: Exit::WithErrors, only_crawls: false };
    let expected = "\
Done in 1 min 15 s, with 2 errors.
  crawl    10 fetched, 2 unchanged, 1 failed, 5 not yet fetched
  left out 3 (robots 2, noindex 1)
  pages    5 done (2 of them removed), 3 skipped (1 of them dropped), 1 dead, 3 left for the next run
  chunks   93 (30 embedded, 20 from the cache)
  time     crawl 1.5 s, embed 20.0 s
  where    ./data (raw/, processed/, chunks/; the index: index.db)
  next     docmill dead list shows why; mend the cause, then docmill reprocess --dead tries it again
";
    assert_eq!(summary(&view(), &places), expected);
    let stopped = summary(&view(), &Places { exit: Exit::Stopped, ..places.clone() });
    assert!(stopped.starts_with("Stopped after 1 min 15 s; 3 items are left"), "{stopped}");
    let done = summary(&View { crawl: CrawlView::default(), ..view() }, &Places { exit: Exit::Done, ..places });
    assert!(!done.contains("crawl ") || !done.contains("fetched"), "{done}");
    assert!(done.contains("docmill search"), "{done}");
}
