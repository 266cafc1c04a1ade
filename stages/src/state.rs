//! state.db: the crawl's frontier and the ledger, in one file so that one
//! transaction can change both.

use crate::db::Schema;

/// File name under `DATA_DIR`.
pub const FILE: &str = "state.db";

/// The schema, version by version.
pub const SCHEMA: Schema = Schema {
    migrations: &[
        concat!(include_str!("ledger/ledger.sql"), include_str!("crawl/frontier/frontier.sql")),
        include_str!("ledger/dead.sql"),
    ],
};
