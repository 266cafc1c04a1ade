//! A question in a person's words becomes a full text expression.
//!
//! Nothing in a question is an operator. Its words are looked up each for
//! itself; what is written in one piece (`std::fs::read_to_string`,
//! `--no-default-features`) is looked up in one piece too, so that the place
//! which has it whole comes first.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

/// So many distinct words and pieces are looked up.
const TERMS_MAX: usize = 64;
/// So much of a question is read, in bytes.
const QUESTION_BYTES_MAX: usize = 1 << 16;
/// A piece of more words than this is looked up by its words alone.
const PIECE_WORDS_MAX: usize = 12;

/// Words that say how a thing is asked and not what; left out unless there is
/// nothing else. Sorted. Other frequent words weigh little by BM25 itself.
const STOP_WORDS: &[&str] = &[
    "a", "about", "an", "and", "are", "at", "be", "been", "being", "by", "can", "could", "did", "do", "does", "had",
    "has", "have", "he", "her", "his", "how", "i", "in", "is", "it", "its", "me", "my", "of", "on", "or", "our",
    "please", "she", "should", "that", "the", "their", "them", "there", "these", "they", "this", "those", "to", "us",
    "was", "we", "were", "what", "when", "which", "who", "whom", "whose", "why", "will", "would", "you", "your",
];

/// What of a question is looked up in the full text.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::load) struct Words {
    /// In FTS5's syntax; none where the question has no word.
    pub(in crate::load) expression: Option<String>,
    /// Whether a limit left words out.
    pub(in crate::load) left_out: bool,
}

impl Words {
    pub(in crate::load) fn of(question: &str) -> Self {
        let end = question.floor_char_boundary(QUESTION_BYTES_MAX);
        let mut terms = Terms { any: Collected::default(), telling: Collected::default() };
        for piece in question[..end].split_whitespace() {
            terms.add(piece);
        }
        let chosen = if terms.telling.ordered.is_empty() { terms.any } else { terms.telling };
        Self {
            left_out: chosen.left_out || end < question.len(),
            expression: (!chosen.ordered.is_empty()).then(|| chosen.ordered.join(" OR ")),
        }
    }
}

#[derive(Default)]
struct Collected {
    seen: HashSet<String>,
    ordered: Vec<String>,
    left_out: bool,
}

impl Collected {
    /// Takes words that stand together; they hold word characters only, so
    /// quotes make them a phrase whatever they are.
    fn add(&mut self, words: &[&str]) {
        let phrase = words.join(" ").to_lowercase();
        if self.seen.contains(&phrase) {
            return;
        }
        if self.ordered.len() == TERMS_MAX {
            self.left_out = true;
            return;
        }
        self.ordered.push(format!("\"{phrase}\""));
        self.seen.insert(phrase);
    }
}

struct Terms {
    /// All words.
    any: Collected,
    /// Those that say what is asked for.
    telling: Collected,
}

impl Terms {
    fn add(&mut self, piece: &str) {
        // What the index's tokenizer takes for a word: its categories, written
        // as a regular expression.
        #[allow(clippy::expect_used, reason = "a constant that every test of this module compiles")]
        static WORD: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"[\p{L}\p{M}\p{N}\p{Co}]+").expect("a valid expression"));
        let words: Vec<&str> = WORD.find_iter(piece).map(|found| found.as_str()).collect();
        let is_telling = |word: &str| STOP_WORDS.binary_search(&word.to_lowercase().as_str()).is_err();
        let in_one_piece = words.len() > 1;
        if in_one_piece && words.len() <= PIECE_WORDS_MAX {
            self.any.add(&words);
            if words.iter().any(|word| is_telling(word)) {
                self.telling.add(&words);
            }
        }
        for word in words {
            // The single letters of `it's` or `e.g.` tell nothing by themselves.
            if in_one_piece && word.chars().nth(1).is_none() {
                continue;
            }
            self.any.add(&[word]);
            if is_telling(word) {
                self.telling.add(&[word]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(question: &str, expected: Option<&str>) {
        assert_eq!(
            Words::of(question),
            Words { expression: expected.map(str::to_owned), left_out: false },
            "{question}"
        );
    }

    #[test]
    fn stop_words_are_sorted() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn words_are_looked_up_and_nothing_is_an_operator() {
        check("What does the question mark operator do?", Some(r#""question" OR "mark" OR "operator""#));
        check("a AND b NOT NEAR(c)", Some(r#""b" OR "not" OR "near c" OR "near""#));
        check("what is this", Some(r#""what" OR "is" OR "this""#));
        check("\"quoted* ^title: {x}", Some(r#""quoted" OR "title" OR "x""#));
        check("--no-default-features", Some(r#""no default features" OR "no" OR "default" OR "features""#));
        check("fs::read fs::read", Some(r#""fs read" OR "fs" OR "read""#));
        check("it's E0382", Some(r#""it s" OR "e0382""#));
        check("-- \0 ?! 😀", None);
        check("", None);
    }

    #[test]
    fn a_long_question_is_cut_and_says_so() {
        let words: Vec<_> = (0..1_000).map(|number| format!("word{number}")).collect();
        let cut = Words::of(&words.join(" "));
        assert!(cut.left_out);
        assert_eq!(cut.expression.unwrap().matches(" OR ").count(), TERMS_MAX - 1);
        assert!(Words::of(&"é".repeat(1_000_000)).left_out);
    }
}
