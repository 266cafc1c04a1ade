//! What the benchmarks share: sites and a web server (those of the tests),
//! runs of the built program that are measured, and reports.

pub mod book;
pub mod measure;
pub mod report;
#[path = "../../tests/e2e/support/server/mod.rs"]
pub mod server;
#[path = "../../tests/e2e/support/site.rs"]
pub mod site;

use std::fmt::Display;
use std::str::FromStr;

/// A failure of a benchmark, said and no more: nobody handles it.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The value of `--name VALUE` on the command line, or `default`.
///
/// # Errors
/// Where the value is missing or none of its kind.
pub fn flag<T>(name: &str, default: T) -> Result<T>
where
    T: FromStr,
    T::Err: Display,
{
    let mut words = std::env::args().skip_while(|word| word != name);
    if words.next().is_none() {
        return Ok(default);
    }
    let value = words.next().ok_or_else(|| format!("{name} takes a value"))?;
    value.parse().map_err(|error: T::Err| format!("{name} {value}: {error}").into())
}

/// The value in the middle; of an even count the lower one of the two.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}
