//! Reads every setting before any error ends it: problems are collected, and
//! reported all at once.

use std::fmt;

use docmill_stages::failure::one_line;

use super::parse::Parsed;
use super::row::Row;
use super::secret::{MASK, mask_credentials};
use super::source::{Given, Origin, Source};

/// Bound of a value where it is shown, in bytes.
const SHOWN_BYTES_MAX: usize = 300;

/// A setting as it was found: what `docmill config` shows.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The setting.
    pub row: &'static Row,
    /// The value, masked and fit for a line; empty where there is none.
    pub shown: String,
    /// Where it was found.
    pub origin: Origin,
}

/// A setting, a file or a rule that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A value that its setting cannot take.
    Value {
        /// The setting, by the name under which the value was given.
        name: String,
        /// The value, masked.
        shown: String,
        /// Where it was found.
        origin: Origin,
        /// What would be right.
        right: String,
    },
    /// Settings that do not go together, or a file that cannot be read.
    Other(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Value { name, shown, origin, right } => write!(f, "{name}={shown} ({origin}): {right}"),
            Problem::Other(text) => f.write_str(text),
        }
    }
}

/// Every problem of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError(pub Vec<Problem>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "a setting is not right, and nothing was started:")?,
            count => write!(f, "{count} settings are not right, and nothing was started:")?,
        }
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for SettingsError {}

/// Looks settings up in its sources and keeps what it finds.
pub struct Collector<'a> {
    /// First the one that wins.
    sources: &'a [&'a dyn Source],
    pub(crate) entries: Vec<Entry>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<String>,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(sources: &'a [&'a dyn Source]) -> Self {
        Self { sources, entries: Vec::new(), problems: Vec::new(), warnings: Vec::new() }
    }

    /// The value of `row`, or `None` with the problem noted.
    pub(crate) fn read<T>(&mut self, row: &'static Row, parse: impl Fn(&str) -> Parsed<T>) -> Option<T> {
        let (name, given) = self.find(row);
        let Some(text) = given.value else {
            self.refuse(name, "(not UTF-8)".to_owned(), given.origin, "expected UTF-8".to_owned());
            return None;
        };
        let text = text.trim();
        let (text, origin) = if text.is_empty() { (row.default, Origin::Default) } else { (text, given.origin) };
        let shown = show(row, text);
        match parse(text) {
            Ok(value) => {
                self.entries.push(Entry { row, shown, origin });
                Some(value)
            }
            Err(right) => {
                let right = if row.secret { "not a value for it".to_owned() } else { mask_credentials(&right) };
                self.refuse(name, shown, origin, right);
                None
            }
        }
    }

    fn refuse(&mut self, name: &str, shown: String, origin: Origin, right: String) {
        let right = one_line(&right, SHOWN_BYTES_MAX * 2);
        self.problems.push(Problem::Value { name: name.to_owned(), shown, origin, right });
    }

    /// Where `row` is set first, and under which of its names; its own name
    /// wins over an alias in the same place. A place that says nothing after
    /// the `=` asks for the default, and hides the places behind it.
    fn find(&mut self, row: &'static Row) -> (&'static str, Given) {
        for source in self.sources {
            let names = std::iter::once(&row.name).chain(row.aliases);
            let found: Vec<(&'static str, Given)> =
                names.filter_map(|name| source.get(name).map(|given| (*name, given))).collect();
            let is_blank = |given: &Given| given.value.as_deref().is_some_and(|value| value.trim().is_empty());
            let at = found.iter().position(|(_, given)| !is_blank(given)).unwrap_or(0);
            if let Some((name, given)) = found.get(at) {
                for (other, ignored) in &found[at + 1..] {
                    if ignored.value != given.value {
                        let origin = &ignored.origin;
                        self.warnings
                            .push(format!("{other} ({origin}) is ignored: {name} is the same setting and wins"));
                    }
                }
                return (name, given.clone());
            }
        }
        (row.name, Given { value: Some(String::new()), origin: Origin::Default })
    }
}

/// `text` as it may be shown: masked, on one line, bounded.
fn show(row: &Row, text: &str) -> String {
    if row.secret && !text.is_empty() {
        return MASK.to_owned();
    }
    one_line(&mask_credentials(text), SHOWN_BYTES_MAX)
}
