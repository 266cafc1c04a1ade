//! Names that docs2vector's users have in their `.env` and that belong to
//! parts which are yet to come: known, so that nobody is warned of them, and
//! not read for anything.

use super::row::{Area, Row};

const fn later(name: &'static str, secret: bool, help: &'static str) -> Row {
    Row { name, aliases: &[], area: Area::Later, default: "", unit: "", secret, help, check: |_any_text| Ok(()) }
}

/// The names. A part that comes takes its own away from here.
pub(super) const ROWS: &[Row] = &[
    later("S3_BUCKET_NAME", false, "bucket that files are kept in"),
    later("AWS_ACCESS_KEY_ID", true, "key of the bucket"),
    later("AWS_SECRET_ACCESS_KEY", true, "secret of that key"),
    later("AWS_SESSION_TOKEN", true, "token of that key"),
    later("AWS_REGION", false, "region of the bucket"),
];
