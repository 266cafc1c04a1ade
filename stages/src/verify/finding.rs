//! What does not agree, and what can be done about it.

use std::path::PathBuf;

use crate::failure::one_line;
use crate::store::Folder;

/// How much of a URL, a file's name or a reason is kept, in bytes.
const SHOWN_BYTES_MAX: usize = 500;

/// One thing that does not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which kind of thing.
    pub kind: FindingKind,
    /// The page or the file, on one line.
    pub what: String,
    /// What is wrong with it, on one line.
    pub why: String,
    /// What [`super::repair`] does about it.
    pub mend: Mend,
}

impl Finding {
    pub(super) fn new(kind: FindingKind, what: &str, why: &str, mend: Mend) -> Self {
        Self { kind, what: one_line(what, SHOWN_BYTES_MAX), why: one_line(why, SHOWN_BYTES_MAX), mend }
    }
}

/// Kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingKind {
    /// A database has pages that are not as they must be.
    DamagedDatabase,
    /// There is data, and no ledger that knows of it.
    NoLedger,
    /// The file that names the index names none.
    DamagedPointer,
    /// The ledger's kept numbers are not those of its items.
    Miscount,
    /// The raw item of a page is gone.
    RawMissing,
    /// The raw item of a page is not the one that was admitted, and its file
    /// does not look changed.
    RawDamaged,
    /// A done item's files are gone, or were never written down.
    FilesMissing,
    /// A done item's files are not what was written.
    FilesDamaged,
    /// A done item is not in the index.
    IndexMissing,
    /// The index holds something else than the files.
    IndexDiffers,
    /// The index has rows that belong to nothing.
    IndexStrays,
    /// A done item is not in the graph.
    GraphMissing,
    /// The graph holds something else than the files.
    GraphDiffers,
    /// The graph has chunks that belong to no document.
    GraphStrays,
    /// A document is in the index or the graph that no item stands for.
    OrphanDocument,
    /// A file of docmill's is there that no item stands for.
    OrphanFile,
    /// A crash left a file half written.
    Leftover,
}

impl FindingKind {
    /// In `snake_case`, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::DamagedDatabase => "damaged_database",
            Self::NoLedger => "no_ledger",
            Self::DamagedPointer => "damaged_pointer",
            Self::Miscount => "miscount",
            Self::RawMissing => "raw_missing",
            Self::RawDamaged => "raw_damaged",
            Self::FilesMissing => "files_missing",
            Self::FilesDamaged => "files_damaged",
            Self::IndexMissing => "index_missing",
            Self::IndexDiffers => "index_differs",
            Self::IndexStrays => "index_strays",
            Self::GraphMissing => "graph_missing",
            Self::GraphDiffers => "graph_differs",
            Self::GraphStrays => "graph_strays",
            Self::OrphanDocument => "orphan_document",
            Self::OrphanFile => "orphan_file",
            Self::Leftover => "leftover",
        }
    }
}

/// What can be done about a finding without losing anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mend {
    /// Nothing by itself; what a person can do.
    ByHand(&'static str),
    /// The item waits again.
    WaitAgain {
        /// Its key.
        key: String,
    },
    /// The ledger is put aside, if it cannot be mended in place, and begun
    /// anew.
    BeginLedger,
    /// The database is put aside.
    PutAside {
        /// The file.
        path: PathBuf,
    },
    /// The items are counted anew.
    Recount,
    /// Rows that belong to nothing go.
    RemoveStrays {
        /// The index.
        path: PathBuf,
    },
    /// The item waits again, and the ledger forgets that a sink holds it.
    LoadAgain {
        /// Its key.
        key: String,
        /// The sink.
        sink: String,
    },
    /// Chunks that belong to no document leave the graph.
    RemoveGraphStrays,
    /// The document leaves the graph; a copy is set aside.
    TakeOutOfGraph {
        /// Its key.
        key: String,
        /// Whether its text may still be wanted: its page did not go.
        keep: bool,
    },
    /// The document leaves the index; a copy is set aside.
    TakeOut {
        /// Its key.
        key: String,
        /// Whether its text may still be wanted: its page did not go.
        keep: bool,
    },
    /// The file is moved out of the way.
    SetAside {
        /// Its folder.
        folder: Folder,
        /// Its name there.
        name: String,
    },
    /// A file that nobody wants goes.
    Remove {
        /// The file.
        path: PathBuf,
    },
}

impl Mend {
    /// Whether [`super::repair`] does it.
    pub fn is_automatic(&self) -> bool {
        !matches!(self, Self::ByHand(_))
    }

    /// What is done, as a person reads it.
    pub fn text(&self) -> &'static str {
        match self {
            Self::ByHand(text) => text,
            Self::WaitAgain { .. } => "it waits again, and `docmill process` makes it anew from raw/",
            Self::BeginLedger => {
                "what can be rebuilt in place is; else it is put aside as state.db.aside and begun anew: `docmill process` admits all of raw/ again, vectors come from the cache, and the next crawl, which needs its URL again, asks for every page in full"
            }
            Self::PutAside { .. } => "it is put aside with the ending .aside, and `docmill process` makes it anew",
            Self::Recount => "the items are counted anew",
            Self::RemoveStrays { .. } => "the rows are removed",
            Self::LoadAgain { .. } => {
                "it waits again, and `docmill process` makes it anew; `docmill load` loads it from its files"
            }
            Self::RemoveGraphStrays => "they leave the graph",
            Self::TakeOutOfGraph { keep: true, .. } => {
                "a copy goes to set-aside/, and it leaves the graph, which is one DATA_DIR's alone"
            }
            Self::TakeOutOfGraph { .. } => "it leaves the graph",
            Self::TakeOut { keep: true, .. } => "a copy goes to set-aside/, and it leaves the index",
            Self::TakeOut { .. } => "it leaves the index",
            Self::SetAside { .. } => "it is moved to set-aside/",
            Self::Remove { .. } => "it is removed",
        }
    }
}
