//! `docmill remove`: takes pages out of everything.

use std::time::{SystemTime, UNIX_EPOCH};

use docmill_stages::crawl::url::{NormalUrl, UrlRules};
use docmill_stages::dead;
use docmill_stages::failure::one_line;
use docmill_stages::ledger::{self, KnownPage};
use docmill_stages::store::LocalStore;
use docmill_stages::take_out::{Places, TakeOutError, TakeOutToo};
use docmill_stages::{db, state};
use serde_json::json;

use super::show::print;
use super::{Refusal, graph, setup};
use crate::cli::RemoveArgs;
use crate::data_dir::DataDir;
use crate::exit::Exit;
use crate::settings::Settings;

/// URLs that are listed where too many match.
const LISTED: usize = 20;

impl From<TakeOutError> for Refusal {
    fn from(error: TakeOutError) -> Self {
        Self::of_store(Exit::Unavailable, &error)
    }
}

/// What the command line names.
#[derive(Default)]
struct Wanted {
    pages: Vec<KnownPage>,
    /// Pages that are out already.
    out: Vec<String>,
    unknown: Vec<String>,
}

pub(super) fn remove(settings: &Settings, args: &RemoveArgs) -> Result<Exit, Refusal> {
    let folder = &settings.storage.data_dir;
    if !folder.join(state::FILE).exists() && !folder.join("raw").exists() {
        let why = format!("nothing has run in DATA_DIR {} yet; there is nothing to take out", folder.display());
        return Err(Refusal::said(Exit::Unavailable, why));
    }
    let neo4j = graph::connect(settings)?;
    let mut data_dir = DataDir::own(folder)?;
    let store = LocalStore::prepare(folder)?;
    let db = db::open(&folder.join(state::FILE), state::SCHEMA)?;
    ledger::recover_after_crash(&db, !data_dir.was_ended_on_purpose())?;
    data_dir.end_work();
    let urls = setup::url_rules(settings);
    let runtime = graph::runtime()?;
    let from_graph = neo4j.as_ref().map(|neo4j| {
        let runtime = &runtime;
        move |keys: &[String]| Ok(runtime.block_on(neo4j.remove(keys.to_vec())).map(drop)?)
    });
    let places = Places {
        data_dir: folder,
        store: &store,
        state: &db,
        urls: &urls,
        raw_bytes_max: settings.process.raw_size_max,
        too: from_graph.as_ref().map(|remove| remove as TakeOutToo<'_>),
    };
    places.admit_new()?;
    let wanted = wanted(ledger::pages(&db)?, args, &urls);
    if args.site.is_some() && wanted.pages.len() > 1 && !args.yes && !args.dry_run {
        return Err(too_many(&wanted.pages));
    }
    if !args.dry_run && !wanted.pages.is_empty() {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        places.take_out(&wanted.pages, i64::try_from(since_1970.as_millis()).unwrap_or(0))?;
    }
    let reported = report(&places, &wanted, args);
    // What was dead and is out has no letter any more.
    dead::follow(&store, &setup::writer(db)?, &|| true)?;
    reported
}

fn wanted(known: Vec<KnownPage>, args: &RemoveArgs, urls: &UrlRules) -> Wanted {
    let mut wanted = Wanted::default();
    for typed in &args.urls {
        let url = NormalUrl::parse(typed, urls).map(|url| url.to_string());
        match url.ok().and_then(|url| known.iter().find(|page| page.url == url)) {
            Some(page) if page.tombstone && !page.is_dead => wanted.out.push(page.url.clone()),
            Some(page) => wanted.pages.push(page.clone()),
            None => wanted.unknown.push(typed.clone()),
        }
    }
    if let Some(site) = &args.site {
        let site = Site::parse(site, urls);
        let matching = known.into_iter().filter(|page| !page.tombstone && site.holds(&page.url));
        let before = wanted.pages.len();
        wanted.pages.extend(matching);
        if wanted.pages.len() == before {
            wanted.unknown.extend(args.site.clone());
        }
    }
    wanted.pages.sort_by(|a, b| a.url.cmp(&b.url));
    wanted.pages.dedup_by(|a, b| a.url == b.url);
    wanted
}

/// What `--site` names.
enum Site {
    /// How its pages' URLs begin.
    Prefix(String),
    /// Its host, with or without a port.
    Host(String),
}

impl Site {
    fn parse(typed: &str, urls: &UrlRules) -> Self {
        if !typed.contains("://") {
            return Self::Host(typed.trim_end_matches('/').to_ascii_lowercase());
        }
        Self::Prefix(NormalUrl::parse(typed, urls).map_or_else(|_| typed.to_owned(), |url| url.to_string()))
    }

    fn holds(&self, page: &str) -> bool {
        match self {
            Self::Prefix(prefix) => page.starts_with(prefix),
            Self::Host(wanted) => url::Url::parse(page).is_ok_and(|url| {
                let host = url.host_str().unwrap_or_default();
                let port = url.port_or_known_default().unwrap_or_default();
                host == wanted || format!("{host}:{port}") == *wanted
            }),
        }
    }
}

fn too_many(pages: &[KnownPage]) -> Refusal {
    for page in pages.iter().take(LISTED) {
        eprintln!("would be taken out: {}", one_line(&page.url, 500));
    }
    if pages.len() > LISTED {
        eprintln!("and {} more", pages.len() - LISTED);
    }
    let why = format!("--site matches {} pages; add --yes to take them out, or --dry-run to see them all", pages.len());
    Refusal::said(Exit::Usage, why)
}

fn report(places: &Places<'_>, wanted: &Wanted, args: &RemoveArgs) -> Result<Exit, Refusal> {
    let urls: Vec<&str> = wanted.pages.iter().map(|page| page.url.as_str()).collect();
    let printed = if args.json {
        let value = json!({
            "removed": urls, "already_out": wanted.out, "unknown": wanted.unknown, "dry_run": args.dry_run,
        });
        print(&format!("{value}\n"))
    } else {
        let verb = if args.dry_run { "would be taken out" } else { "taken out" };
        let lines = urls.iter().map(|url| format!("{verb}: {}\n", one_line(url, 2_000)));
        let out = wanted.out.iter().map(|url| format!("is out already: {}\n", one_line(url, 2_000)));
        print(&lines.chain(out).collect::<String>())
    };
    for page in &wanted.pages {
        if places.lies_among_others(page)?
            && places.store.stat(docmill_stages::store::Folder::Raw, &page.location.file)?.is_some()
        {
            let file = one_line(&page.location.file, 300);
            log::warn!("{}: raw/{file} holds other pages too and is left as it is; it counts no more", page.url);
        }
    }
    if wanted.unknown.is_empty() {
        return Ok(printed);
    }
    let unknown: Vec<String> = wanted.unknown.iter().map(|url| one_line(url, 300)).collect();
    Err(Refusal::said(Exit::WithErrors, format!("no page is known by: {}", unknown.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_a_prefix_or_a_host() {
        let holds = |site: &str, page: &str| Site::parse(site, &UrlRules::default()).holds(page);
        let page = "https://docs.a.example/v1/x.html";
        for site in
            ["https://docs.a.example", "https://DOCS.a.example:443/v1/", "docs.a.example", "Docs.A.example:443/"]
        {
            assert!(holds(site, page), "{site}");
        }
        for site in ["https://docs.a.example/v2/", "http://docs.a.example/", "a.example", "docs.a.example:80"] {
            assert!(!holds(site, page), "{site}");
        }
    }
}
