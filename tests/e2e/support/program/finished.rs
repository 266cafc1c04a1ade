//! A command that has ended.

use serde_json::Value;

/// What it printed and how it ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// What was typed, for messages.
    pub(super) command: String,
    /// The exit code; `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Finished {
    /// The same, if it ended with this exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// The same, if standard error holds every one of `parts`.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "standard error lacks {part:?}\n{self}");
        }
        assert!(!self.stderr.contains("panicked at"), "a panic nobody asked for\n{self}");
        self
    }

    /// The same, if standard output holds every one of `parts`.
    #[track_caller]
    pub(crate) fn prints(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stdout.contains(part), "standard output lacks {part:?}\n{self}");
        }
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON: {error}\n{self}"))
    }

    /// Standard output as JSON, a value a line.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON: {error}\n{self}"));
        self.stdout.lines().map(parse).collect()
    }

    /// The numbers of the last `Progress:` line: files, docs, chunks,
    /// embeddings, errors.
    #[track_caller]
    pub(crate) fn progress(&self) -> [u64; 5] {
        let line = self.stdout.lines().rev().find(|line| line.starts_with("Progress: "));
        let line = line.unwrap_or_else(|| panic!("no Progress line\n{self}"));
        let number = |name: &str| {
            let rest = line.split_once(&format!("{name}="))?.1;
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        ["Files", "Docs", "Chunks", "Embeddings", "Errors"]
            .map(|name| number(name).unwrap_or_else(|| panic!("no {name} in {line:?}")))
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (out, err) = (tail(&self.stdout), tail(&self.stderr));
        write!(f, "`{}` ended with {:?}\n--- stdout\n{out}\n--- stderr\n{err}", self.command, self.code)
    }
}

/// The end of a long text: that is where the reason stands.
fn tail(text: &str) -> &str {
    const SHOWN_BYTES: usize = 6_000;
    let start = text.len().saturating_sub(SHOWN_BYTES);
    &text[text.ceil_char_boundary(start)..]
}
