//! The frontier on sites that are only described: no network, no time.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rusqlite::Connection;

use super::super::fetch::Validators;
use super::super::url::{NormalUrl, UrlRules};
use super::*;

fn database() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    // With the ledger beside it, as it always is.
    crate::state::SCHEMA.migrations.iter().for_each(|script| db.execute_batch(script).unwrap());
    db.pragma_update(None, "foreign_keys", true).unwrap();
    db
}

fn url(path: &str) -> NormalUrl {
    let text = if path.starts_with("http") { path.to_owned() } else { format!("http://e.com{path}") };
    NormalUrl::parse(&text, &UrlRules::default()).unwrap()
}

fn rules() -> FrontierRules {
    FrontierRules { redirects_max: 20, retries_max: 2, ..FrontierRules::default() }
}

fn pages_max(max: u64) -> FrontierRules {
    FrontierRules { pages_max: NonZeroU64::new(max), ..rules() }
}

/// What a described site answers at a path.
#[derive(Debug, Clone)]
enum Answer {
    Page {
        links: Vec<String>,
        nofollow: Vec<String>,
        is_indexable: bool,
    },
    Redirect(String),
    Gone,
    /// Fails so often, then is a page without links.
    Flaky(u32),
    Unchanged,
}

fn page(links: &[&str]) -> Answer {
    let links = links.iter().map(|link| (*link).to_owned()).collect();
    Answer::Page { links, nofollow: Vec::new(), is_indexable: true }
}

fn outcome(answer: Option<&Answer>, attempts: u32, now_ms: i64) -> Outcome {
    let fetched = |links: &[String], nofollow: &[String], is_indexable| {
        let urls = |paths: &[String]| paths.iter().map(|path| url(path)).collect();
        let validators = Validators { etag: Some("v".to_owned()), last_modified: None };
        let (links, links_nofollow) = (urls(links), urls(nofollow));
        Outcome::Fetched(PageRecord { validators, is_indexable, content_hash: None, links, links_nofollow })
    };
    match answer {
        None | Some(Answer::Gone) => Outcome::Gone,
        Some(Answer::Page { links, nofollow, is_indexable }) => fetched(links, nofollow, *is_indexable),
        Some(Answer::Redirect(to)) => Outcome::Redirect { to: url(to) },
        Some(Answer::Flaky(fails)) if attempts < *fails => {
            Outcome::Failed { message: "503".to_owned(), retry_at_ms: Some(now_ms + 5) }
        }
        Some(Answer::Flaky(_)) => fetched(&[], &[], true),
        Some(Answer::Unchanged) => Outcome::NotModified,
    }
}

type SiteMap = BTreeMap<NormalUrl, Answer>;

fn site(pages: &[(&str, Answer)]) -> SiteMap {
    pages.iter().map(|(path, answer)| (url(path), answer.clone())).collect()
}

/// What a crawl came to: every URL with its state, and its depth if any.
type Fates = BTreeMap<String, (String, Option<u32>)>;

fn fates(db: &Connection, crawl: CrawlNumber) -> Fates {
    let sql = "SELECT url, state || ' ' || reason, depth FROM visit WHERE crawl = ?1";
    let mut query = db.prepare(sql).unwrap();
    let rows = query.query_map([crawl.0], |row| {
        let state: String = row.get(1)?;
        Ok((row.get(0)?, (state.trim_end().to_owned(), row.get(2)?)))
    });
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

fn check_counts(db: &Connection, crawl: CrawlNumber) -> CrawlCounts {
    let counts = counts(db, crawl).unwrap();
    let fates = fates(db, crawl);
    assert_eq!(counts.known(), fates.len() as u64);
    let in_state = |name: &str| fates.values().filter(|(state, _)| state.starts_with(name)).count() as u64;
    assert_eq!((counts.indexed(), counts.failed), (in_state("indexed"), in_state("failed")));
    assert_eq!(counts.left_out.values().sum::<u64>(), in_state("left_out"));
    assert_eq!(counts.open(), in_state("queued") + in_state("waiting") + in_state("fetching"));
    counts
}

/// Crawls to the end; `choose` (below its argument) decides who answers first,
/// how many are in flight, and when the process dies.
fn crawl_with(
    db: &Connection,
    starts: &[&str],
    rules: &FrontierRules,
    site: &SiteMap,
    mut choose: impl FnMut(usize) -> usize,
) -> CrawlNumber {
    let starts: Vec<NormalUrl> = starts.iter().map(|start| url(start)).collect();
    let crawl = begin(db, &starts, rules, 0).unwrap().crawl;
    let (mut flying, mut now_ms, mut fetched) = (Vec::<FrontierPage>::new(), 0, 0);
    loop {
        now_ms += 1;
        match choose(8) {
            0 => {
                flying.clear();
                assert_eq!(begin(db, &starts, rules, now_ms).unwrap(), Begun { crawl, is_resumed: true });
            }
            1..4 if !flying.is_empty() => {
                let page = flying.swap_remove(choose(flying.len()));
                let outcome = outcome(site.get(&page.url), page.attempts, now_ms);
                assert_ne!(record(db, crawl, rules, &page.url, outcome).unwrap(), Recorded::Late);
                fetched += 1;
                assert!(fetched < 10_000, "the crawl does not end");
            }
            _ => {
                let hosts = ["e.com".to_owned(), "f.com".to_owned()];
                let busy = &hosts[..choose(3).min(flying.len())];
                let found = next(db, crawl, rules, busy, now_ms, 1 + choose(3)).unwrap();
                flying.extend(found.pages);
                if found.is_finished {
                    break;
                }
            }
        }
    }
    finish(db, crawl, rules, Ending::Complete, now_ms).unwrap();
    check_counts(db, crawl);
    crawl
}

/// Crawls with one request at a time.
fn crawl(db: &Connection, starts: &[&str], rules: &FrontierRules, site: &SiteMap) -> CrawlNumber {
    let mut turn = 0;
    crawl_with(db, starts, rules, site, |below| {
        turn += 1;
        if below == 8 { 1 } else { 0 }
    })
}

fn check(starts: &[&str], rules: &FrontierRules, site: &SiteMap, expected: &[(&str, &str)]) {
    let db = database();
    let number = crawl(&db, starts, rules, site);
    let found: BTreeMap<_, _> = fates(&db, number).into_iter().map(|(url, (state, _))| (url, state)).collect();
    let expected: BTreeMap<_, _> =
        expected.iter().map(|(path, state)| (url(path).to_string(), (*state).to_owned())).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_url_has_one_fate_and_its_reason() {
    let hidden = |links: &[&str], nofollow: &[&str], is_indexable| {
        let owned = |list: &[&str]| list.iter().map(|link| (*link).to_owned()).collect();
        Answer::Page { links: owned(links), nofollow: owned(nofollow), is_indexable }
    };
    let site = site(&[
        ("/d/", hidden(&["/d/a", "/d/gone", "/x", "http://o.com/d/", "/d/flaky", "/d/lost"], &["/d/no", "/d/a"], true)),
        ("/d/a", hidden(&["/d/b", "/d/moved"], &["/y"], false)),
        ("/d/b", page(&["/d/deep"])),
        ("/d/moved", Answer::Redirect("/d/new".to_owned())),
        ("/d/new", page(&[])),
        ("/d/flaky", Answer::Flaky(2)),
        ("/d/lost", Answer::Flaky(3)),
    ]);
    let rules = FrontierRules { depth_max: NonZeroU64::new(2), ..rules() };
    let expected = [
        ("/d/", "indexed new"),
        ("/d/a", "left_out noindex"),
        ("/d/b", "indexed new"),
        ("/d/deep", "left_out depth"),
        ("/d/moved", "redirected"),
        ("/d/new", "indexed new"),
        ("/d/flaky", "indexed new"),
        ("/d/lost", "failed"),
        ("/d/gone", "gone"),
        ("/d/no", "left_out nofollow"),
        ("/y", "left_out scope"),
        ("/x", "left_out scope"),
        ("http://o.com/d/", "left_out scope"),
    ];
    check(&["/d/"], &rules, &site, &expected);
}

#[test]
fn a_start_that_redirects_brings_its_targets_directory_into_scope() {
    let site = site(&[
        ("/docs", Answer::Redirect("https://e.com/docs/".to_owned())),
        ("https://e.com/docs/", page(&["https://e.com/docs/a", "https://e.com/blog", "http://n.com/v2/late"])),
        ("https://e.com/docs/a", page(&[])),
        ("http://o.com/old/", Answer::Redirect("http://n.com/v1/".to_owned())),
        ("http://n.com/v1/", Answer::Redirect("http://n.com/v2/".to_owned())),
        ("http://n.com/v2/", page(&[])),
        ("http://n.com/v2/late", page(&[])),
    ]);
    let expected = [
        ("/docs", "redirected"),
        ("https://e.com/docs/", "indexed new"),
        ("https://e.com/docs/a", "indexed new"),
        ("https://e.com/blog", "left_out scope"),
        ("http://o.com/old/", "redirected"),
        ("http://n.com/v1/", "redirected"),
        ("http://n.com/v2/", "indexed new"),
        ("http://n.com/v2/late", "indexed new"),
    ];
    check(&["/docs", "http://o.com/old/"], &rules(), &site, &expected);
}

#[test]
fn redirects_end_at_loops_and_at_their_limit() {
    let chain = site(&[
        ("/", page(&["/1", "/loop"])),
        ("/1", Answer::Redirect("/2".to_owned())),
        ("/2", Answer::Redirect("/3".to_owned())),
        ("/3", Answer::Redirect("/4".to_owned())),
        ("/loop", Answer::Redirect("/pool".to_owned())),
        ("/pool", Answer::Redirect("/loop".to_owned())),
    ]);
    let expected = [
        ("/", "indexed new"),
        ("/1", "redirected"),
        ("/2", "redirected"),
        ("/3", "left_out redirect_limit"),
        ("/loop", "redirected"),
        ("/pool", "redirected"),
    ];
    check(&["/"], &FrontierRules { redirects_max: 1, ..rules() }, &chain, &expected);
    check(&["/"], &rules(), &site(&[("/", Answer::Redirect("/".to_owned()))]), &[("/", "left_out bad_redirect")]);
}

#[test]
fn a_shorter_way_lowers_the_depth_of_all_that_lies_behind() {
    let db = database();
    let site = site(&[
        ("/", page(&["/long", "/z"])),
        ("/long", page(&["/a"])),
        ("/a", page(&["/b"])),
        ("/b", page(&["/c"])),
        ("/z", page(&["/b"])),
    ]);
    let rules = FrontierRules { depth_max: NonZeroU64::new(3), ..rules() };
    let crawl = begin(&db, &[url("/")], &rules, 0).unwrap().crawl;
    let answer = |path: &str| {
        let outcome = outcome(site.get(&url(path)), 0, 0);
        assert!(matches!(record(&db, crawl, &rules, &url(path), outcome).unwrap(), Recorded::Ended(_)));
    };
    let take = |count| next(&db, crawl, &rules, &[], 0, count).unwrap().pages;
    assert_eq!(take(9).len(), 1);
    answer("/");
    // `/z` is slow: what it leads to is found by the longer way first.
    assert_eq!(take(9).len(), 2);
    for path in ["/long", "/a", "/b"] {
        answer(path);
        take(1);
    }
    let depth = |path: &str| fates(&db, crawl)[url(path).as_str()].clone();
    assert_eq!((depth("/b").1, depth("/c").0), (Some(3), "left_out depth".to_owned()));
    answer("/z");
    assert_eq!((depth("/b").1, depth("/c")), (Some(2), ("queued".to_owned(), Some(3))));
}

#[test]
fn known_links_are_followed_when_nothing_has_changed_or_a_page_fails() {
    let db = database();
    let first = site(&[("/", page(&["/a"])), ("/a", page(&["/b", "/c"])), ("/b", page(&[])), ("/c", page(&[]))]);
    crawl(&db, &["/"], &rules(), &first);
    let second = site(&[
        ("/", Answer::Unchanged),
        ("/a", Answer::Flaky(9)),
        ("/b", Answer::Unchanged),
        ("/c", Answer::Redirect("/b".to_owned())),
    ]);
    let number = crawl(&db, &["/"], &rules(), &second);
    let states: Vec<_> = fates(&db, number).into_values().map(|(state, _)| state).collect();
    assert_eq!(states, ["indexed unchanged", "failed", "indexed unchanged", "redirected"]);
    assert_eq!(page_links(&db, &url("/a")).unwrap(), [url("/b"), url("/c")]);
    assert_eq!(failures(&db, number, 9).unwrap()[0].attempts, 3);
}

#[test]
fn validators_and_names_are_known_in_the_next_crawl() {
    let db = database();
    crawl(&db, &["/"], &rules(), &site(&[("/", page(&[]))]));
    let (key, article) = assign_key(&db, &url("/"), Some("KB-1")).unwrap();
    assert_eq!((key.len(), article.as_deref()), (12, Some("KB-1")));
    assert_eq!(assign_key(&db, &url("/"), Some("other")).unwrap(), (key.clone(), article));
    let crawl = begin(&db, &[url("/")], &rules(), 0).unwrap().crawl;
    let page = next(&db, crawl, &rules(), &[], 0, 1).unwrap().pages.remove(0);
    assert_eq!((page.validators.etag.as_deref(), page.is_start), (Some("v"), true));
    assert_eq!(page.raw_stem, Some(format!("item_KB-1_{key}")));
}

#[test]
fn a_key_that_another_url_has_is_made_longer() {
    let db = database();
    let key = crate::item::key_of_url(url("/a").as_str(), 12);
    db.execute("INSERT INTO page (url, key) VALUES ('http://e.com/other', ?1)", [&key]).unwrap();
    let (long, article) = assign_key(&db, &url("/a"), Some("../bad")).unwrap();
    assert_eq!((long.len(), long.starts_with(&key), article), (24, true, None));
}

#[test]
fn busy_hosts_are_passed_over_and_retries_wait_for_their_time() {
    let db = database();
    let starts = [url("http://a.com/"), url("http://b.com/x"), url("http://b.com/")];
    let crawl = begin(&db, &starts, &rules(), 0).unwrap().crawl;
    let take = |busy: &[&str], now_ms| {
        let busy: Vec<String> = busy.iter().map(|host| (*host).to_owned()).collect();
        next(&db, crawl, &rules(), &busy, now_ms, 1).unwrap()
    };
    assert_eq!(take(&["a.com"], 0).pages[0].url, url("http://b.com/"));
    assert_eq!(take(&["b.com"], 0).pages[0].url, url("http://a.com/"));
    assert!(take(&["a.com", "b.com"], 0).pages.is_empty());
    let failed = Outcome::Failed { message: "down\n".to_owned(), retry_at_ms: Some(50) };
    assert_eq!(
        record(&db, crawl, &rules(), &url("http://a.com/"), failed.clone()).unwrap(),
        Recorded::Retry { at_ms: 50 }
    );
    assert_eq!(record(&db, crawl, &rules(), &url("http://a.com/"), failed).unwrap(), Recorded::Late);
    postpone(&db, crawl, &url("http://b.com/"), 60).unwrap();
    assert_eq!(take(&["b.com"], 49), NextPages { retry_at_ms: Some(50), ..NextPages::default() });
    let again = take(&["b.com"], 50);
    assert_eq!((again.pages[0].attempts, again.retry_at_ms), (1, Some(60)));
    release(&db, crawl, &url("http://a.com/")).unwrap();
    assert_eq!(give_up_origin(&db, crawl, &rules(), "http://a.com", "no robots.txt").unwrap(), 1);
    assert_eq!(take(&[], 60).pages[0].attempts, 0);
    assert_eq!(check_counts(&db, crawl).failed, 1);
}

#[test]
fn limits_of_today_hold_for_a_crawl_that_goes_on() {
    let db = database();
    let begun = begin(&db, &[url("/")], &FrontierRules { depth_max: NonZeroU64::new(1), ..rules() }, 0).unwrap();
    let site = site(&[("/", page(&["/a"])), ("/a", page(&["/b"]))]);
    for path in ["/", "/a"] {
        assert_eq!(next(&db, begun.crawl, &rules(), &[], 0, 1).unwrap().pages[0].url, url(path));
        let rules = FrontierRules { depth_max: NonZeroU64::new(1), ..rules() };
        assert!(record(&db, begun.crawl, &rules, &url(path), outcome(site.get(&url(path)), 0, 0)).is_ok());
    }
    assert!(next(&db, begun.crawl, &rules(), &[], 0, 1).unwrap().is_finished);
    assert!(begin(&db, &[url("/")], &rules(), 0).unwrap().is_resumed);
    assert_eq!(next(&db, begun.crawl, &rules(), &[], 0, 1).unwrap().pages[0].url, url("/b"));
    let deny = Patterns::new(&[], &["/b".to_owned()]).unwrap();
    assert!(begin(&db, &[url("/")], &FrontierRules { patterns: deny, ..rules() }, 0).unwrap().is_resumed);
    assert_eq!(fates(&db, begun.crawl)[url("/b").as_str()].0, "left_out scope");
}

#[test]
fn only_whole_crawls_count_what_is_missing() {
    let db = database();
    let missing = |path: &str| {
        let sql = "SELECT missing FROM page WHERE url = ?1";
        db.query_row(sql, [url(path).as_str()], |row| row.get::<_, i64>(0)).unwrap()
    };
    let full = site(&[("/", page(&["/a", "/b"])), ("/a", page(&[])), ("/b", page(&[]))]);
    crawl(&db, &["/"], &rules(), &full);
    let shrunk = site(&[("/", page(&["/b"]))]);
    crawl(&db, &["/"], &pages_max(1), &shrunk);
    assert_eq!((missing("/a"), missing("/b")), (0, 0));
    crawl(&db, &["/"], &rules(), &shrunk);
    crawl(&db, &["/"], &rules(), &shrunk);
    assert_eq!((missing("/"), missing("/a"), missing("/b")), (0, 2, 2));
    crawl(&db, &["/"], &rules(), &full);
    assert_eq!((missing("/a"), missing("/b")), (0, 0));
    let summaries = summaries(&db, 9).unwrap();
    let whole: Vec<_> = summaries.iter().map(|crawl| crawl.is_whole).collect();
    assert_eq!(whole, [Some(true), Some(true), Some(true), Some(false), Some(true)]);
    assert_eq!(summaries[4].counts.indexed(), 3, "counts of old crawls are kept");
}

#[test]
fn sites_are_known_and_their_unfinished_crawl_goes_on() {
    let db = database();
    let one = begin(&db, &[url("/b"), url("/a"), url("/b")], &rules(), 0).unwrap();
    let other = begin(&db, &[url("/a")], &rules(), 0).unwrap();
    assert_ne!(one.crawl, other.crawl);
    assert_eq!(begin(&db, &[url("/a"), url("/b")], &rules(), 0).unwrap(), Begun { is_resumed: true, ..one });
    assert!(!finish(&db, other.crawl, &rules(), Ending::TimeLimit, 0).unwrap());
    assert!(finish(&db, one.crawl, &rules(), Ending::Complete, 0).is_err(), "there is more to fetch");
    let sites = sites(&db).unwrap();
    assert_eq!((sites[0].crawl, sites[1].starts.clone()), (other.crawl, vec![url("/a"), url("/b")]));
}

#[test]
fn the_page_limit_takes_the_first_by_depth_and_url() {
    let site = site(&[
        ("/", page(&["/d", "/b", "/c", "/a", "/e", "/f"])),
        ("/a", Answer::Gone),
        ("/b", Answer::Flaky(1)),
        ("/c", Answer::Page { links: vec!["/0".to_owned()], nofollow: Vec::new(), is_indexable: false }),
        ("/d", Answer::Redirect("/bb".to_owned())),
        ("/bb", page(&[])),
        ("/e", page(&[])),
        ("/f", page(&[])),
        ("/0", page(&[])),
    ]);
    let expected = [
        ("/", "indexed new"),
        ("/a", "gone"),
        ("/b", "indexed new"),
        ("/c", "left_out noindex"),
        ("/d", "redirected"),
        ("/bb", "indexed new"),
        ("/e", "left_out page_limit"),
        ("/f", "left_out page_limit"),
        ("/0", "left_out page_limit"),
    ];
    check(&["/"], &pages_max(3), &site, &expected);
}

/// Where page number `n` of [`any_site`] is: every third on another host.
fn place(n: usize) -> String {
    format!("http://{}/in/{n}", if n % 3 == 2 { "f.com" } else { "e.com" })
}

/// A site of up to a dozen pages under `/in/`, some of which are odd, with
/// links among them and to places out of scope.
fn any_site() -> impl Strategy<Value = SiteMap> {
    let path = || prop_oneof![9 => (0..12_usize).prop_map(place), 1 => Just("/out/x".to_owned()), 1 => Just("/late/y".to_owned())];
    let links = || prop::collection::vec(path(), 0..5);
    let answer = prop_oneof![
        6 => (links(), links(), prop::bool::weighted(0.8))
            .prop_map(|(links, nofollow, is_indexable)| Answer::Page { links, nofollow, is_indexable }),
        2 => path().prop_map(Answer::Redirect),
        1 => Just(Answer::Gone),
        1 => (0..5_u32).prop_map(Answer::Flaky),
    ];
    let late = prop_oneof![Just(page(&["/late/y", "/in/3"])), Just(Answer::Redirect("/late/dir/".to_owned()))];
    (prop::collection::vec(answer, 12), late).prop_map(|(answers, late)| {
        let inner = answers.into_iter().enumerate().map(|(n, answer)| (url(&place(n)), answer));
        let odd = [(url("/late/"), late), (url("/late/dir/"), page(&["/late/dir/z"])), (url("/late/y"), page(&[]))];
        inner.chain(odd).collect()
    })
}

/// The pages that a crawl without limits indexes, by a plain walk.
fn reachable(site: &SiteMap, starts: &[&str], directories: &[&str]) -> BTreeSet<String> {
    let mut open: Vec<(NormalUrl, bool)> = starts.iter().map(|start| (url(start), true)).collect();
    let (mut seen, mut indexed) = (BTreeSet::new(), BTreeSet::new());
    while let Some((at, is_start)) = open.pop() {
        let is_in = is_start || directories.iter().any(|directory| at.as_str().starts_with(directory));
        // One that was reached by a link may yet turn out to be where a start
        // leads, and then so is what it redirects to.
        if !is_in || !seen.insert((at.clone(), is_start)) {
            continue;
        }
        match site.get(&at) {
            Some(Answer::Page { links, is_indexable, .. }) => {
                open.extend(links.iter().map(|link| (url(link), false)));
                if *is_indexable {
                    indexed.insert(at.to_string());
                }
            }
            Some(Answer::Flaky(fails)) if *fails <= 2 => drop(indexed.insert(at.to_string())),
            Some(Answer::Redirect(to)) => open.push((url(to), is_start)),
            _ => {}
        }
    }
    indexed
}

fn indexed(fates: &Fates) -> BTreeSet<String> {
    fates.iter().filter(|(_, (state, _))| state.starts_with("indexed")).map(|(url, _)| url.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_same_pages_are_chosen_whatever_answers_first(
        site in any_site(),
        limit in prop::option::of(1_u64..9),
        depth in prop::option::of(1_u64..5),
        seed in any::<u64>(),
    ) {
        let rules = FrontierRules {
            pages_max: limit.and_then(NonZeroU64::new),
            depth_max: depth.and_then(NonZeroU64::new),
            redirects_max: 3,
            ..rules()
        };
        let starts = ["/in/0", "http://f.com/in/2", "/late/"];
        let mut expected: Option<Fates> = None;
        for order in 0..4 {
            let db = database();
            let mut random = fastrand::Rng::with_seed(seed.wrapping_add(order));
            let number = if order == 0 {
                crawl(&db, &starts, &rules, &site)
            } else {
                crawl_with(&db, &starts, &rules, &site, |below| random.usize(..below))
            };
            let found = fates(&db, number);
            if let Some(limit) = limit {
                prop_assert!(indexed(&found).len() as u64 <= limit);
            }
            match &expected {
                None => expected = Some(found),
                Some(expected) => prop_assert_eq!(&found, expected, "order {}", order),
            }
        }
    }

    #[test]
    fn without_limits_all_that_can_be_reached_is_indexed(site in any_site(), seed in any::<u64>()) {
        let db = database();
        let mut random = fastrand::Rng::with_seed(seed);
        let starts = ["/in/0", "http://f.com/in/2", "/late/"];
        let number = crawl_with(&db, &starts, &rules(), &site, |below| random.usize(..below));
        let late = if matches!(site[&url("/late/")], Answer::Redirect(_)) { "http://e.com/late/dir/" } else { "http://e.com/late/" };
        let found = fates(&db, number);
        // Where the first start redirects, its scope is elsewhere: the walk
        // takes the directories that the crawl has found.
        let mut query = db.prepare("SELECT directory FROM crawl_scope").unwrap();
        let rows = query.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let directories: Vec<String> = rows.map(|row| format!("http://{}", row.unwrap())).collect();
        prop_assert!(directories.iter().any(|directory| directory == late));
        let directories: Vec<&str> = directories.iter().map(String::as_str).collect();
        prop_assert_eq!(indexed(&found), reachable(&site, &starts, &directories));
    }
}
