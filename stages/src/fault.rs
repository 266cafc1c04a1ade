//! Fault points, in test builds only (the feature `failpoints`): places where
//! a test makes the program fail, panic, die at once, hang or be slow.
//!
//! `FAILPOINTS="store.rename=3*off->1*return->off"` as the `fail` library
//! reads it. `return` is an error of that place which a retry may heal,
//! `return(kill)` the end of the process as by SIGKILL. `DOCMILL_FAULT_URL` is
//! a text that an item's URL has to contain at points that have an item.
//!
//! [`POINTS`] names every point there is; a test compares it with the code.

#[cfg(feature = "failpoints")]
pub use on::{Fault, POINTS, Point, of_item, pass, point};

#[cfg(not(feature = "failpoints"))]
pub use off::{Fault, of_item, pass, point};

#[cfg(feature = "failpoints")]
mod on {
    use std::sync::OnceLock;

    use crate::db::DbError;
    use crate::failure::Failure;

    /// A place that can be made to fail.
    #[derive(Debug, Clone, Copy)]
    pub struct Point {
        /// As it stands in `FAILPOINTS`.
        pub name: &'static str,
        /// Where it is.
        pub place: &'static str,
        /// Whether it can act by an error; a place that has none to give acts
        /// by the other ways.
        pub fails: bool,
    }

    const fn fails(name: &'static str, place: &'static str) -> Point {
        Point { name, place, fails: true }
    }

    const fn passes(name: &'static str, place: &'static str) -> Point {
        Point { name, place, fails: false }
    }

    /// Every fault point.
    pub const POINTS: &[Point] = &[
        fails("crawler", "before a page is asked for"),
        fails("crawler.done", "the page is kept, its outcome not recorded"),
        fails("crawler.written", "the raw item is written, its URL not marked as fetched"),
        passes("desk.hand_out", "before URLs are handed out"),
        passes("desk.finish", "before a crawl is finished"),
        fails("frontier.next", "URLs are handed out, inside the transaction"),
        fails("frontier.record", "an outcome is recorded, inside the transaction"),
        fails("watcher", "before a look at raw files"),
        fails("watcher.done", "a look has ended, nobody knows of it"),
        fails("watcher.read", "before a raw file is read"),
        passes("watcher.keep_looking", "before the watcher is asked to look"),
        fails("ledger.admit", "a raw file is admitted, inside the transaction"),
        fails("ledger.take", "items go into flight, inside the transaction"),
        fails("ledger.begin_call", "a stage call is marked, inside the transaction"),
        fails("ledger.settle", "a ticket is settled, inside the transaction"),
        passes("door.let_in", "before tickets are given out"),
        passes("door.issued", "items are in flight, no stage has them"),
        fails("keeper.write", "before posted settlements are written"),
        passes("supervisor.tick", "before a look at what hangs"),
        fails("processor", "the processor's work begins"),
        fails("processor.done", "it has ended, its outcome is not known"),
        fails("chunker", "the chunker's work begins"),
        fails("chunker.done", "it has ended, its outcome is not known"),
        fails("embedder", "the embedder's work begins"),
        fails("embedder.done", "it has ended, its outcome is not known"),
        fails("loader", "the loader's work begins"),
        fails("loader.files", "the files are written, no sink has the document"),
        fails("loader.done", "files and sinks have it, the ledger does not know"),
        fails("store.write", "before a file's temporary file is made"),
        fails("store.sync", "it is written, not durable"),
        fails("store.rename", "it is durable, without its name"),
        fails("store.sync_folder", "it has its name, which is not durable"),
        fails("store.remove", "before a file is removed"),
        fails("batch.put", "before batch mode stores an output"),
        fails("batch.get", "before batch mode reads one"),
        fails("batch.export", "before a time-stamped file is written"),
        fails("batch.element", "within a time-stamped file"),
        fails("batch.clear", "before the outputs between stages are removed"),
        fails("state.commit", "before a commit of state.db"),
        passes("state.committed", "committed, nobody was told"),
        fails("index.commit", "before a commit of the index"),
        passes("index.committed", "committed, nobody was told"),
        fails("cache.commit", "before a commit of cache.db"),
        passes("cache.committed", "committed, nobody was told"),
        fails("index.replace", "the old document is out, the new one not in, inside the transaction"),
        fails("index.remove", "a document is out, inside the transaction"),
        fails("index.promote", "before a new model's index takes the old one's place"),
        passes("index.promoted", "it is in use, the old one still there"),
        fails("cache.get", "before vectors are looked up"),
        fails("cache.put", "vectors are kept, inside the transaction"),
        fails("models.write", "before bytes of a model's file are written"),
        fails("models.place", "before the file gets its name"),
        fails("models.placed", "it has its name, which is not durable"),
    ];

    /// What a point that acts by an error gives; it becomes the error of its
    /// place.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
    #[error("a fault that a test asked for at {0}")]
    pub struct Fault(&'static str);

    impl From<Fault> for std::io::Error {
        fn from(fault: Fault) -> Self {
            Self::other(fault)
        }
    }

    impl From<Fault> for Failure {
        fn from(fault: Fault) -> Self {
            Self::transient("fault", fault)
        }
    }

    impl From<Fault> for DbError {
        fn from(fault: Fault) -> Self {
            Self::NotCommitted { reason: fault.to_string(), is_full: false }
        }
    }

    /// Acts as told.
    ///
    /// # Errors
    /// Told to fail.
    pub fn point(name: &'static str) -> Result<(), Fault> {
        // Reads FAILPOINTS; what is set there holds for the whole process.
        static READ: OnceLock<()> = OnceLock::new();
        READ.get_or_init(|| std::mem::forget(fail::FailScenario::setup()));
        let told = fail::eval(name, |what| what);
        match told {
            None => Ok(()),
            Some(Some(what)) if what == "kill" => {
                eprintln!("fault point {name}: kill");
                std::process::abort()
            }
            Some(_) => {
                eprintln!("fault point {name}: error");
                Err(Fault(name))
            }
        }
    }

    /// The same at a place that has an item: if its URL is meant.
    ///
    /// # Errors
    /// Told to fail.
    pub fn of_item(name: &'static str, url: &str) -> Result<(), Fault> {
        static ONLY: OnceLock<Option<String>> = OnceLock::new();
        let only = ONLY.get_or_init(|| std::env::var("DOCMILL_FAULT_URL").ok());
        if only.as_ref().is_none_or(|part| url.contains(part.as_str())) { point(name) } else { Ok(()) }
    }

    /// The same at a place that has no error to give.
    pub fn pass(name: &'static str) {
        let _no_error_here = point(name);
    }
}

#[cfg(not(feature = "failpoints"))]
mod off {
    use crate::db::DbError;
    use crate::failure::Failure;

    /// There is none.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Fault {}

    impl From<Fault> for std::io::Error {
        fn from(fault: Fault) -> Self {
            match fault {}
        }
    }

    impl From<Fault> for Failure {
        fn from(fault: Fault) -> Self {
            match fault {}
        }
    }

    impl From<Fault> for DbError {
        fn from(fault: Fault) -> Self {
            match fault {}
        }
    }

    /// Nothing, outside test builds.
    ///
    /// # Errors
    /// None.
    #[inline(always)]
    pub fn point(_name: &'static str) -> Result<(), Fault> {
        Ok(())
    }

    /// Nothing, outside test builds.
    ///
    /// # Errors
    /// None.
    #[inline(always)]
    pub fn of_item(_name: &'static str, _url: &str) -> Result<(), Fault> {
        Ok(())
    }

    /// Nothing, outside test builds.
    #[inline(always)]
    pub fn pass(_name: &'static str) {}
}
