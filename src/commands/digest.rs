//! `docmill digest`.

use docmill_stages::failure::one_line;
use docmill_stages::load::digest::{DataDigest, of_files, of_graph, of_index};
use docmill_stages::load::files::FILE_BYTES_MAX;
use docmill_stages::load::index::Reader;
use docmill_stages::store::LocalStore;
use serde_json::json;

use super::show::print;
use super::{Refusal, graph};
use crate::cli::{DigestArgs, DigestFrom};
use crate::exit::Exit;
use crate::settings::Settings;

pub(super) fn digest(settings: &Settings, args: DigestArgs) -> Result<Exit, Refusal> {
    let folder = &settings.storage.data_dir;
    let found = match args.from {
        DigestFrom::Files => {
            let found = of_files(&LocalStore::open(folder), FILE_BYTES_MAX)?;
            for name in &found.left_out {
                let name = one_line(name, 300);
                log::debug!("processed/{name} is left out: it is none of the files that docmill keeps for each page");
            }
            found.digest
        }
        DigestFrom::Index => {
            let reader = Reader::open(folder)?.ok_or_else(|| {
                let folder = folder.display();
                Refusal::said(
                    Exit::Unavailable,
                    format!("there is no index in DATA_DIR {folder} yet; `docmill run URL` makes one"),
                )
            })?;
            of_index(&reader)?
        }
        DigestFrom::Neo4j => {
            let reader = graph::reader(settings)?;
            graph::wait(of_graph(&reader))??
        }
    };
    Ok(print(&if args.json { as_json(&found) } else { as_text(&found) }))
}

fn as_json(found: &DataDigest) -> String {
    let DataDigest { documents, chunks, edges, digest, edges_digest } = found;
    let value = json!({
        "documents": documents, "chunks": chunks, "edges": edges, "digest": digest, "edges_digest": edges_digest
    });
    format!("{value}\n")
}

fn as_text(found: &DataDigest) -> String {
    format!(
        "{}  {} documents, {} chunks\n{}  {} links between them\n",
        found.digest, found.documents, found.chunks, found.edges_digest, found.edges
    )
}
