//! The part of a hit's text that a person is shown, with the words marked.

use rusqlite::Connection;

use super::question::Words;
use crate::failure::one_line;
use crate::load::LoadError;

/// So much of a text is looked at, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// As in index.sql.
const TOKENIZER: &str = r#"tokenize = "unicode61 remove_diacritics 2 categories 'L* M* N* Co'""#;
/// FTS5's own limit of a snippet, in words.
const WORDS_MAX: usize = 64;

/// What stands before and after each word that was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Marker<'a> {
    /// Before it.
    pub start: &'a str,
    /// After it.
    pub end: &'a str,
}

/// Makes the snippets of one question's hits. It marks by the very rules by
/// which the index finds: a table in memory with the index's tokenizer.
#[derive(Debug)]
pub struct SnippetMaker {
    memory: Connection,
    expression: Option<String>,
}

impl SnippetMaker {
    /// For the hits of this question.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn new(question: &str) -> Result<Self, LoadError> {
        let memory = Connection::open_in_memory().map_err(failed)?;
        memory.execute_batch(&format!("CREATE VIRTUAL TABLE page USING fts5 (text, {TOKENIZER})")).map_err(failed)?;
        Ok(Self { memory, expression: Words::of(question).expression })
    }

    /// At most `words_max` (and 64) words of `text` on one line, where the
    /// question's words stand closest; its beginning where there are none.
    /// Control characters are gone, so that only `marker` can hold some.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn snippet(&self, text: &str, marker: Marker<'_>, words_max: usize) -> Result<String, LoadError> {
        let line = one_line(text, TEXT_BYTES_MAX);
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(expression) = &self.expression
            && let Some(marked) = self.marked(&line, expression, marker, words_max).map_err(failed)?
        {
            return Ok(marked);
        }
        let words: Vec<_> = line.split(' ').take(words_max).collect();
        let beginning = words.join(" ");
        Ok(if beginning.len() < line.len() { beginning + "…" } else { beginning })
    }

    fn marked(
        &self,
        line: &str,
        expression: &str,
        marker: Marker<'_>,
        words_max: usize,
    ) -> rusqlite::Result<Option<String>> {
        self.memory.execute("DELETE FROM page", [])?;
        self.memory.execute("INSERT INTO page (rowid, text) VALUES (1, ?1)", [line])?;
        let mut statement =
            self.memory.prepare_cached("SELECT snippet(page, 0, ?2, ?3, '…', ?4) FROM page WHERE page MATCH ?1")?;
        let words_max = words_max.clamp(1, WORDS_MAX);
        let arguments = rusqlite::params![expression, marker.start, marker.end, words_max];
        let marked = statement.query_map(arguments, |row| row.get(0))?.next().transpose()?;
        Ok(marked)
    }
}

fn failed(error: rusqlite::Error) -> LoadError {
    LoadError::reading(std::path::Path::new(":memory:"), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: Marker<'_> = Marker { start: "[", end: "]" };

    fn check(question: &str, text: &str, words_max: usize, expected: &str) {
        let made = SnippetMaker::new(question).unwrap().snippet(text, MARKER, words_max).unwrap();
        assert_eq!(made, expected, "{question}");
    }

    #[test]
    fn the_tokenizer_is_the_indexs() {
        assert!(include_str!("../index/index.sql").contains(TOKENIZER));
    }

    #[test]
    fn the_words_that_were_found_are_marked() {
        check("What is ownership?", "All about\nOwnership\u{1b}[31m here.", 20, "All about [Ownership] [31m here.");
        check("fs::read", "see `fs::read` and read", 20, "see `[fs::read]` and [read]");
        check("re\u{301}sume", "The résumé, the RESUME", 20, "The [résumé], the [RESUME]");
    }

    #[test]
    fn a_long_text_is_shown_where_the_words_are() {
        let text = format!("{} the needle lies here {}", "hay ".repeat(500), "hay ".repeat(500));
        let made = SnippetMaker::new("needle").unwrap().snippet(&text, MARKER, 9).unwrap();
        assert!(made.contains("[needle]") && made.starts_with('…') && made.ends_with('…'), "{made}");
        assert!(made.split_whitespace().count() <= 11, "{made}");
    }

    #[test]
    fn without_the_words_the_beginning_is_shown() {
        check("absent", "one two three four", 3, "one two three…");
        check("??", "one two", 3, "one two");
        check("x", "", 3, "");
    }
}
