//! Which marks of a run can stand: CommonMark reads a star as emphasis only
//! beside the right characters, and one that it does not read would show.

use pulldown_cmark::{Event, Parser};

use super::inline::{Mark, Token, first_character, is_seen, last_character};
use crate::process::headings::markdown_options;

/// Drops marks that would not work where they stand, and empty ones.
pub(super) fn settle_marks(mut tokens: Vec<Token>) -> Vec<Token> {
    drop_idle_pairs(&mut tokens);
    trim_inside_marks(&mut tokens);
    drop_idle_pairs(&mut tokens);
    let mut keep = vec![true; tokens.len()];
    let mut open: Vec<(usize, Mark)> = Vec::new();
    for index in 0..tokens.len() {
        match tokens[index] {
            Token::Open(mark) => {
                // The same mark within itself says nothing new.
                let is_nested = open.iter().any(|&(_, outer)| outer == mark);
                open.push((index, mark));
                keep[index] = !is_nested;
            }
            Token::Close(mark) => {
                let Some(at) = open.iter().rposition(|&(_, opened)| opened == mark) else {
                    keep[index] = false;
                    continue;
                };
                let (start, _) = open.remove(at);
                let works = keep[start] && can_open(&tokens, start) && can_close(&tokens, index);
                (keep[start], keep[index]) = (works, works);
            }
            _ => {}
        }
    }
    for (index, _) in open {
        keep[index] = false;
    }
    let mut kept = keep.into_iter();
    tokens.retain(|_| kept.next().unwrap_or(true));
    drop_idle_pairs(&mut tokens);
    tokens
}

/// Drops all marks.
pub(super) fn drop_marks(tokens: &mut Vec<Token>) {
    tokens.retain(|token| !matches!(token, Token::Open(_) | Token::Close(_)));
    drop_idle_pairs(tokens);
}

/// Drops marks and links that hold nothing, and joins what one mark has
/// closed only for the next to open it again.
fn drop_idle_pairs(tokens: &mut Vec<Token>) {
    let mut kept: Vec<Token> = Vec::with_capacity(tokens.len());
    for token in tokens.drain(..) {
        let is_idle = match (kept.last(), &token) {
            (Some(Token::Open(open)), Token::Close(close)) => open == close,
            (Some(Token::Close(close)), Token::Open(open)) => open == close,
            (Some(Token::LinkStart), Token::LinkEnd(_)) => true,
            _ => false,
        };
        if is_idle {
            kept.pop();
        } else if let (Some(Token::Text(before)), Token::Text(text)) = (kept.last_mut(), &token) {
            before.push_str(text);
        } else if let (Some(Token::Code(before)), Token::Code(code)) = (kept.last_mut(), &token) {
            before.push_str(code);
        } else {
            kept.push(token);
        }
    }
    *tokens = kept;
}

/// Moves spaces and breaks at the ends of emphasis or a link out of it.
fn trim_inside_marks(tokens: &mut Vec<Token>) {
    let mut moved: Vec<Token> = Vec::with_capacity(tokens.len());
    for token in tokens.drain(..) {
        match (moved.last_mut(), &token) {
            (Some(Token::Text(text)), Token::Close(_) | Token::LinkEnd(_)) if text.ends_with(' ') => {
                text.pop();
                if text.is_empty() {
                    moved.pop();
                }
                moved.push(token);
                moved.push(Token::Text(" ".to_owned()));
            }
            (Some(Token::Break), Token::Close(_) | Token::LinkEnd(_)) => {
                moved.pop();
                moved.push(token);
                moved.push(Token::Break);
            }
            (Some(Token::Open(_) | Token::LinkStart), Token::Text(text)) if text.starts_with(' ') => {
                let is_opening = |token: &Token| matches!(token, Token::Open(_) | Token::LinkStart);
                let start = moved.iter().rposition(|token| !is_opening(token)).map_or(0, |last| last + 1);
                let rest = text.trim_start().to_owned();
                moved.insert(start, Token::Text(" ".to_owned()));
                if !rest.is_empty() {
                    moved.push(Token::Text(rest));
                }
            }
            _ => moved.push(token),
        }
    }
    *tokens = moved;
}

/// Drops what shows nothing at the end, but for what closes marks.
pub(super) fn drop_unseen_end(tokens: &mut Vec<Token>) {
    let len = tokens.iter().rposition(is_seen).map_or(0, |last| last + 1);
    let mut open = 0_usize;
    for token in tokens.split_off(len) {
        match token {
            Token::Open(_) | Token::LinkStart => open += 1,
            Token::Close(_) | Token::LinkEnd(_) if open > 0 => open -= 1,
            Token::Close(_) | Token::LinkEnd(_) => tokens.push(token),
            _ => {}
        }
    }
}

fn is_punctuation(character: char) -> bool {
    !character.is_alphanumeric() && !character.is_whitespace()
}

/// CommonMark's left-flanking rule for the mark at `index`.
fn can_open(tokens: &[Token], index: usize) -> bool {
    let before = tokens[..index].iter().rev().find_map(last_character).unwrap_or(' ');
    let after = tokens[index + 1..].iter().find_map(first_character).unwrap_or(' ');
    !after.is_whitespace() && (!is_punctuation(after) || before.is_whitespace() || is_punctuation(before))
}

/// CommonMark's right-flanking rule for the mark at `index`.
fn can_close(tokens: &[Token], index: usize) -> bool {
    let before = tokens[..index].iter().rev().find_map(last_character).unwrap_or(' ');
    let after = tokens[index + 1..].iter().find_map(first_character).unwrap_or(' ');
    !before.is_whitespace() && (!is_punctuation(before) || after.is_whitespace() || is_punctuation(after))
}

/// Whether a mark stands beside something else than text inside it and white
/// space outside.
pub(super) fn has_risky_mark(tokens: &[Token]) -> bool {
    let is_star_free = |token: &Token| match token {
        Token::Text(text) => !text.contains(['*', '~']),
        _ => true,
    };
    let has_marks = tokens.iter().any(|token| matches!(token, Token::Open(_) | Token::Close(_)));
    let is_apart = |index: usize, token: &Token| match token {
        Token::Open(_) => {
            let before = index.checked_sub(1).map(|before| &tokens[before]);
            before.is_none_or(|before| last_character(before).is_some_and(char::is_whitespace))
        }
        Token::Close(_) => {
            tokens.get(index + 1).is_none_or(|after| first_character(after).is_some_and(char::is_whitespace))
        }
        _ => true,
    };
    has_marks && !tokens.iter().enumerate().all(|(index, token)| is_star_free(token) && is_apart(index, token))
}

/// Whether a Markdown parser finds in `markdown` the text of `tokens`.
pub(super) fn reads_back(markdown: &str, tokens: &[Token]) -> bool {
    let mut expected = String::with_capacity(markdown.len());
    for token in tokens {
        let part = match token {
            Token::Text(text) | Token::Code(text) | Token::Image { alt: text, .. } => text,
            Token::Raw(markdown) => *markdown,
            _ => continue,
        };
        expected.extend(part.split_whitespace());
    }
    let mut found = String::with_capacity(expected.len());
    for event in Parser::new_ext(markdown, markdown_options()) {
        if let Event::Text(text) | Event::Code(text) = event {
            found.extend(text.split_whitespace());
        }
    }
    found == expected
}
