//! `docmill verify`: files, index, ledger and graph held against each other.

use std::fmt::Write as _;

use docmill_stages::load::neo4j::{GraphReader, Neo4jError};
use docmill_stages::state;
use docmill_stages::store::LocalStore;
use docmill_stages::verify::{self, Finding, Graph, Places, Report, VerifyError};
use serde_json::{Value, json};

use super::show::print;
use super::{Refusal, graph};
use crate::cli::VerifyArgs;
use crate::data_dir::{self, DataDir};
use crate::exit::Exit;
use crate::settings::Settings;

/// Findings that are listed for a person.
const LISTED: usize = 100;

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        Self::of_store(Exit::Unavailable, &error)
    }
}

/// Ends with 0 where all agrees, and with 1 where findings remain.
pub(super) fn verify(settings: &Settings, args: VerifyArgs) -> Result<Exit, Refusal> {
    let folder = &settings.storage.data_dir;
    let is_there = [state::FILE, "index.db", "raw", "processed"].iter().any(|name| folder.join(name).exists());
    if !is_there {
        let why = format!("nothing has run in DATA_DIR {} yet; begin with `docmill run URL`", folder.display());
        return Err(Refusal::said(Exit::Unavailable, why));
    }
    // Held until the end: nobody else may write while something is mended.
    let owned = if args.repair { Some(DataDir::own(folder)?) } else { None };
    let is_running = owned.is_none() && data_dir::is_owned(folder);
    let store = LocalStore::open(folder);
    let reader = graph_of(settings)?;
    let graph = reader.as_ref().map(|reader| reader.as_ref().map_or(Graph::Empty, Graph::Holds));
    let places = Places { data_dir: folder, store: &store, graph, is_running };
    let (mended, left) = if args.repair {
        let repaired = verify::repair(places)?;
        (repaired.mended, repaired.left)
    } else {
        (Vec::new(), verify::verify(places)?)
    };
    let text = if args.json { as_json(is_running, &mended, &left) } else { as_text(is_running, &mended, &left) };
    let printed = print(&text);
    drop(owned);
    Ok(if printed == Exit::Done && !left.findings.is_empty() { Exit::WithErrors } else { printed })
}

/// The graph, where `USE_NEO4J` is on; nothing inside where nothing was
/// loaded into it.
fn graph_of(settings: &Settings) -> Result<Option<Option<GraphReader>>, Refusal> {
    let Some(neo4j) = graph::connect(settings)? else { return Ok(None) };
    match graph::wait(neo4j.reader())? {
        Ok(reader) => Ok(Some(Some(reader))),
        Err(Neo4jError::Empty { .. }) => Ok(Some(None)),
        Err(error) => Err(error.into()),
    }
}

fn as_json(is_running: bool, mended: &[Finding], left: &Report) -> String {
    let list = |findings: &[Finding]| findings.iter().map(json_of).collect::<Vec<_>>();
    let value = json!({
        "running": is_running, "items": left.items, "documents": left.documents, "in_motion": left.in_motion,
        "findings": list(&left.findings), "mended": list(mended), "notes": left.notes,
    });
    format!("{value:#}\n")
}

fn json_of(finding: &Finding) -> Value {
    json!({
        "kind": finding.kind.name(), "what": finding.what, "why": finding.why,
        "repair": finding.mend.text(), "automatic": finding.mend.is_automatic(),
    })
}

fn as_text(is_running: bool, mended: &[Finding], left: &Report) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        // Writing to a text cannot fail.
        let _never_fails = writeln!(text, "{label:<9} {value}");
    };
    list(&mut line, "mended", mended);
    list(&mut line, "finding", &left.findings);
    for note in &left.notes {
        line("note", note);
    }
    if is_running {
        let moved = left.in_motion;
        line("note", &format!("a run is at it; {moved} items changed while they were looked at and are left out"));
    }
    line("checked", &format!("{} items that are done, {} documents in the index", left.items, left.documents));
    line("verified", &verdict(mended, left));
    text
}

fn list(line: &mut impl FnMut(&str, &str), label: &str, findings: &[Finding]) {
    for finding in findings.iter().take(LISTED) {
        line(label, &format!("{} {}: {}", finding.kind.name(), finding.what, finding.why));
        let who = match (label, finding.mend.is_automatic()) {
            ("mended", _) => "done: ",
            (_, true) => "--repair: ",
            (_, false) => "by hand: ",
        };
        line("", &format!("{who}{}", finding.mend.text()));
    }
    if findings.len() > LISTED {
        line(label, &format!("and {} more (--json shows all)", findings.len() - LISTED));
    }
}

fn verdict(mended: &[Finding], left: &Report) -> String {
    let automatic = left.findings.iter().filter(|finding| finding.mend.is_automatic()).count();
    match (left.findings.len(), mended.len()) {
        (0, 0) if left.graph => "files, index, ledger and graph agree".to_owned(),
        (0, 0) => "files, index and ledger agree".to_owned(),
        (0, mended) => format!("{mended} findings mended; `docmill process` makes anew what waits"),
        (left, 0) => format!("{left} findings; `docmill verify --repair` mends {automatic} of them"),
        (left, mended) => format!("{mended} findings mended, {left} left to mend by hand"),
    }
}
