//! Where settings come from: flags, the environment, `.env`, or a map.

use std::fmt;

/// Where a value was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line, as it was typed (`--mode`, `--set`).
    Flag(String),
    /// The process's environment.
    Environment,
    /// The `.env` file, at this line (from 1).
    DotEnv {
        /// Line number, from 1.
        line: usize,
    },
    /// The setting's default.
    Default,
    /// Worked out from the machine: its cores, its user's folders.
    Machine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(flag) => f.write_str(flag),
            Origin::Environment => f.write_str("environment"),
            Origin::DotEnv { line } => write!(f, ".env line {line}"),
            Origin::Default => f.write_str("default"),
            Origin::Machine => f.write_str("this machine"),
        }
    }
}

/// A value as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The text; `None` where it is not UTF-8.
    pub value: Option<String>,
    /// Where it was found.
    pub origin: Origin,
}

/// A place that settings come from.
pub trait Source {
    /// What this place says of the setting `name`.
    fn get(&self, name: &str) -> Option<Given>;
}

/// The process's environment: the one place in docmill that reads it.
#[derive(Debug, Clone, Copy)]
pub struct Environment;

impl Source for Environment {
    fn get(&self, name: &str) -> Option<Given> {
        std::env::var_os(name).map(|value| Given { value: value.into_string().ok(), origin: Origin::Environment })
    }
}

/// What the command line sets: for one name the last one counts.
#[derive(Debug, Clone, Default)]
pub struct Flags(Vec<(String, Given)>);

impl Flags {
    /// Notes that `flag` set the setting `name`.
    pub fn set(&mut self, flag: &str, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), Given { value: Some(value.into()), origin: Origin::Flag(flag.to_owned()) }));
    }

    /// The names that were set, with the flags that set them.
    pub fn names(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.0.iter().map(|(name, given)| (name.as_str(), &given.origin))
    }
}

impl Source for Flags {
    fn get(&self, name: &str) -> Option<Given> {
        self.0.iter().rev().find(|(set, _)| set == name).map(|(_, given)| given.clone())
    }
}

/// An environment for tests.
#[derive(Debug, Clone, Default)]
pub struct MapSource(std::collections::BTreeMap<String, String>);

impl<const N: usize> From<[(&str, &str); N]> for MapSource {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

impl Source for MapSource {
    fn get(&self, name: &str) -> Option<Given> {
        self.0.get(name).map(|value| Given { value: Some(value.clone()), origin: Origin::Environment })
    }
}
