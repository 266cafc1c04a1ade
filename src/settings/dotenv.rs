//! The `.env` file of the working directory, as python-dotenv reads it, for
//! that is what docs2vector's files were written for. Nothing of it is ever
//! written into the process's environment.
//!
//! A line is `NAME=value`, with `export` before it if one likes. A value
//! without quotes ends at the line's end or before a blank and `#`; all in it
//! stands for itself, also `\` and `$`, so that patterns and passwords need no
//! care. In `'…'` only `\'` and `\\` are escapes, in `"…"` the usual ones; both
//! may go over several lines. `${NAME}` and `${NAME:-default}` are replaced.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use super::source::{Given, Origin, Source};

/// Bound of the file's size.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// A `.env` file's settings, and what is odd about it.
#[derive(Debug, Clone, Default)]
pub struct DotEnv {
    entries: Vec<Entry>,
    /// What is odd but does no harm, a line each.
    pub warnings: Vec<String>,
    /// What is wrong, a line each; the other lines were read all the same.
    pub problems: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: String,
    value: String,
    line: usize,
}

impl DotEnv {
    /// Reads the file at `path`; one that is not there is empty.
    /// `environment` is asked for the `${NAME}` in values, before the file is.
    pub fn read(path: &Path, environment: &dyn Source) -> Self {
        match read_text(path) {
            Ok(Some(text)) => Self::parse(&text, environment),
            Ok(None) => Self::default(),
            Err(problem) => Self { problems: vec![format!("{}: {problem}", path.display())], ..Self::default() },
        }
    }

    /// Reads a file's text.
    pub fn parse(text: &str, environment: &dyn Source) -> Self {
        let mut file = Self::default();
        let mut cursor = Cursor { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 };
        while !cursor.rest.is_empty() {
            let line = cursor.line;
            match cursor.entry() {
                Ok(Some((name, value))) => file.add(name, &value, line, environment),
                Ok(None) => {}
                Err(reason) => file.problems.push(format!(".env line {line}: {reason}")),
            }
            cursor.skip_line();
        }
        file
    }

    /// The names that the file sets, with their lines.
    pub fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.entries.iter().map(|entry| (entry.name.as_str(), entry.line))
    }

    fn add(&mut self, name: String, value: &str, line: usize, environment: &dyn Source) {
        if let Some(first) = self.entries.iter().find(|entry| entry.name == name) {
            self.warnings
                .push(format!(".env sets {name} in line {} and again in line {line}: the last one counts", first.line));
        }
        let value = self.replace_variables(value, line, environment);
        self.entries.retain(|entry| entry.name != name);
        self.entries.push(Entry { name, value, line });
    }

    /// Puts values in place of `${NAME}` and `${NAME:-default}`, once: what
    /// comes in by that is not looked at again.
    fn replace_variables(&mut self, value: &str, line: usize, environment: &dyn Source) -> String {
        let mut replaced = String::with_capacity(value.len());
        let mut rest = value;
        while let Some(start) = rest.find("${") {
            let Some(length) = rest[start + 2..].find('}') else { break };
            let inside = &rest[start + 2..start + 2 + length];
            let (name, fallback) = match inside.split_once(":-") {
                Some((name, fallback)) => (name, Some(fallback)),
                None => (inside, None),
            };
            replaced.push_str(&rest[..start]);
            match self.variable(name, environment).or_else(|| fallback.map(str::to_owned)) {
                Some(found) => replaced.push_str(&found),
                None => self.warnings.push(format!(".env line {line}: ${{{name}}} is not set and stands for nothing")),
            }
            rest = &rest[start + 2 + length + 1..];
            if replaced.len() > FILE_BYTES_MAX as usize {
                self.problems.push(format!(".env line {line}: the value grows over {FILE_BYTES_MAX} bytes"));
                return String::new();
            }
        }
        replaced.push_str(rest);
        replaced
    }

    fn variable(&self, name: &str, environment: &dyn Source) -> Option<String> {
        let outside = environment.get(name).and_then(|given| given.value);
        outside.or_else(|| self.entries.iter().find(|entry| entry.name == name).map(|entry| entry.value.clone()))
    }
}

impl Source for DotEnv {
    fn get(&self, name: &str) -> Option<Given> {
        let entry = self.entries.iter().find(|entry| entry.name == name)?;
        Some(Given { value: Some(entry.value.clone()), origin: Origin::DotEnv { line: entry.line } })
    }
}

/// The file's text, bounded; `None` where there is no file.
fn read_text(path: &Path) -> Result<Option<String>, String> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be read: {error}")),
    };
    // A folder of this name is a virtual environment of Python's; a pipe
    // would never end.
    if !metadata.is_file() {
        return if metadata.is_dir() { Ok(None) } else { Err("is not a file".to_owned()) };
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("is larger than {FILE_BYTES_MAX} bytes: is it a file of settings?"));
    }
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count();
        format!("is not UTF-8 (line {line}): save it as UTF-8")
    })
}

/// What is left of the text, and the number of its first line.
struct Cursor<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Cursor<'a> {
    /// The name and value that begin here; `None` for a blank line or a
    /// comment. Leaves the cursor somewhere in the entry's last line.
    fn entry(&mut self) -> Result<Option<(String, String)>, String> {
        self.skip_blanks();
        if self.rest.is_empty() || self.rest.starts_with(['\n', '\r', '#']) {
            return Ok(None);
        }
        if let Some(after) = self.rest.strip_prefix("export").filter(|after| after.starts_with([' ', '\t'])) {
            self.rest = after;
            self.skip_blanks();
        }
        let name_end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_.-".contains(c)));
        let name = self.take(name_end.unwrap_or(self.rest.len())).to_owned();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err("expected NAME=value, or # before a comment".to_owned());
        }
        self.skip_blanks();
        let Some(after) = self.rest.strip_prefix('=') else {
            return Err(format!("expected = after {name}"));
        };
        self.rest = after;
        // `A=#x` is a value; `A= # why` is none, with a comment.
        let is_value = self.rest.starts_with('#');
        self.skip_blanks();
        let value = match self.rest.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                self.quoted(quote).ok_or_else(|| format!("the {quote} that begins the value of {name} has no end"))?
            }
            _ => return Ok(Some((name, self.unquoted(is_value)))),
        };
        self.skip_blanks();
        if self.rest.is_empty() || self.rest.starts_with(['\n', '\r', '#']) {
            return Ok(Some((name, value)));
        }
        Err(format!("text follows the quoted value of {name}: put all of it in quotes, or # before a comment"))
    }

    fn unquoted(&mut self, is_value: bool) -> String {
        let line = self.take(self.rest.find(['\n', '\r']).unwrap_or(self.rest.len()));
        let mut before = if is_value { '=' } else { ' ' };
        let comment = line.char_indices().find(|(_, character)| {
            let begins = *character == '#' && before.is_whitespace();
            before = *character;
            begins
        });
        comment.map_or(line, |(at, _)| &line[..at]).trim_end().to_owned()
    }

    /// A quoted value, with its escapes undone. Where the quote has no end the
    /// cursor stays in the line in which it begins, so that one mistake costs
    /// one line.
    fn quoted(&mut self, quote: char) -> Option<String> {
        let mut value = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => {
                    let (_, escaped) = characters.next()?;
                    match unescape(escaped, quote) {
                        Some(meant) => value.push(meant),
                        None => value.extend(['\\', escaped]),
                    }
                }
                _ if character == quote => {
                    self.take(at + quote.len_utf8());
                    return Some(value);
                }
                _ => value.push(character),
            }
        }
        None
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn skip_line(&mut self) {
        self.take(self.rest.find('\n').map_or(self.rest.len(), |at| at + 1));
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }
}

/// What the character after a backslash means inside these quotes, if it is
/// an escape there.
fn unescape(escaped: char, quote: char) -> Option<char> {
    match (escaped, quote) {
        ('\\', _) | ('\'', _) | ('"', '"') => Some(escaped),
        ('n', '"') => Some('\n'),
        ('r', '"') => Some('\r'),
        ('t', '"') => Some('\t'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::source::MapSource;
    use proptest::prelude::*;

    fn parse(text: &str) -> DotEnv {
        DotEnv::parse(text, &MapSource::from([("HOME_PAGE", "https://a.example")]))
    }

    fn check(text: &str, expected: &str) {
        let file = parse(text);
        assert_eq!(file.problems, Vec::<String>::new(), "{text}");
        assert_eq!(file.get("A").unwrap().value.as_deref(), Some(expected), "{text}");
    }

    #[test]
    fn values_stand_for_themselves() {
        check("A=1", "1");
        check("\u{feff}A=1\r\n", "1");
        check(" export A = two words # comment", "two words");
        check(r"A=^https://x/.*\.html$", r"^https://x/.*\.html$");
        check("A=pa$$word#1\\", "pa$$word#1\\");
        check("A=#1!", "#1!");
        check("A=  # nothing", "");
        check("A=", "");
        check("A=it's", "it's");
        check(r"A='\.pdf$ \' \\' # c", r"\.pdf$ ' \");
        check(r#"A="a\tb \" \d $x""#, "a\tb \" \\d $x");
        check("A='two\nlines'\nB=2", "two\nlines");
        check("B=1\nA=${B}/${HOME_PAGE}/${C:-c}", "1/https://a.example/c");
        check("A=${open", "${open");
    }

    #[test]
    fn each_mistake_names_its_line_and_costs_only_that() {
        let file = parse("A=1\n\n2=x\nnothing\nB='open\nC=\"c\" d\nD=4\nE=${UNSET}\nA=5");
        let problems = [
            ".env line 3: expected NAME=value, or # before a comment",
            ".env line 4: expected = after nothing",
            ".env line 5: the ' that begins the value of B has no end",
            ".env line 6: text follows the quoted value of C: put all of it in quotes, or # before a comment",
        ];
        assert_eq!(file.problems, problems);
        assert_eq!(file.get("D").unwrap().origin, Origin::DotEnv { line: 7 });
        assert_eq!(file.get("A").unwrap(), Given { value: Some("5".to_owned()), origin: Origin::DotEnv { line: 9 } });
        assert_eq!(file.warnings.len(), 2, "{:?}", file.warnings);
    }

    #[test]
    fn a_file_that_is_none_of_settings_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        let read = || DotEnv::read(&path, &MapSource::default()).problems;
        assert_eq!(read(), Vec::<String>::new());
        std::fs::write(&path, b"A=1\nB=\xff").unwrap();
        assert!(read()[0].contains("is not UTF-8 (line 2)"), "{:?}", read());
        std::fs::write(&path, vec![b'#'; FILE_BYTES_MAX as usize + 1]).unwrap();
        assert!(read()[0].contains("larger than"), "{:?}", read());
    }

    proptest! {
        #[test]
        fn no_text_panics_and_lines_stay_within_the_file(text in "([A-C=#'\"\\\\${}: \n\r\té]|export )*") {
            let file = parse(&text);
            prop_assert!(file.names().all(|(_, line)| line <= 1 + text.matches('\n').count()));
        }

        #[test]
        fn what_is_quoted_comes_back(value in "[ -&(-\\[\\]-~é\n]*") {
            // `${` is replaced, and everything else stands for itself.
            prop_assume!(!value.contains("${"));
            let file = parse(&format!("A='{value}'"));
            prop_assert_eq!(file.get("A").unwrap().value, Some(value));
        }
    }
}
