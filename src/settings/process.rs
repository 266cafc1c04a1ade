//! From raw items to Markdown.

use super::parse;
use super::row::settings;

settings! {
    /// From raw items to Markdown.
    Process => Process {
        /// The largest raw file that is read; a larger one is left out and reported
        raw_size_max: u64 = "RAW_MAX_BYTES", "256MiB", "bytes", parse::bytes::<1_024, { 4 << 30 }>;
    }
}
