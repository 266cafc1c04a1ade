//! Keeps text from being read as Markdown, with as few backslashes as that
//! takes: `snake_case` and `a * b` stay as they are.

/// What stands beside a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    /// The character that is written after the text, if any.
    pub(super) next: Option<char>,
    /// In a link's text, brackets would end it.
    pub(super) in_link: bool,
}

/// Appends `text` to `out`, escaped where it could be inline markup.
pub(super) fn escape_into(out: &mut String, text: &str, around: Around) {
    let mut previous = out.chars().next_back();
    for (at, character) in text.char_indices() {
        let rest = &text[at + character.len_utf8()..];
        let next = rest.chars().next().or(around.next);
        if needs_escape(character, previous, next, rest, around.in_link) {
            out.push('\\');
        }
        out.push(character);
        previous = Some(character);
    }
}

fn needs_escape(character: char, previous: Option<char>, next: Option<char>, rest: &str, in_link: bool) -> bool {
    let is_space = |side: Option<char>| side.is_none_or(char::is_whitespace);
    match character {
        '`' => true,
        '\\' => next.is_some_and(|next| next.is_ascii_punctuation()) || next.is_none(),
        '*' => !(is_space(previous) && is_space(next)),
        '_' => {
            let is_word = |side: Option<char>| side.is_some_and(char::is_alphanumeric);
            !(is_word(previous) && is_word(next) || is_space(previous) && is_space(next))
        }
        '~' => previous.is_some_and(|previous| !previous.is_whitespace()) || next == Some('~'),
        '[' => in_link || rest.starts_with('^') || opens_task(previous, rest),
        ']' => in_link || matches!(next, Some('(' | '[' | ':')),
        '<' => next.is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?')),
        '&' => is_entity(rest),
        '!' => next == Some('[') && !rest.starts_with('['),
        _ => false,
    }
}

/// Whether a `[` begins a task's box: only at a text's start.
fn opens_task(previous: Option<char>, rest: &str) -> bool {
    previous.is_none() && (rest.starts_with(" ]") || rest.starts_with("x]") || rest.starts_with("X]"))
}

/// Whether what follows an `&` makes it a character reference.
fn is_entity(rest: &str) -> bool {
    let body = rest.strip_prefix('#').unwrap_or(rest);
    let len = body.bytes().take(40).take_while(u8::is_ascii_alphanumeric).count();
    len > 0 && body.as_bytes().get(len) == Some(&b';')
}

/// Escapes what would make a line of a paragraph something else.
pub(super) fn escape_line_starts(paragraph: &str) -> String {
    let mut escaped = String::with_capacity(paragraph.len() + 2);
    for (index, line) in paragraph.split('\n').enumerate() {
        if index > 0 {
            escaped.push('\n');
        }
        let line = line.trim_start();
        match line_mark(line) {
            Some(at) => escaped.extend([&line[..at], "\\", &line[at..]]),
            None => escaped.push_str(line),
        }
    }
    escaped
}

/// Where a backslash must go for the line to be plain text.
fn line_mark(line: &str) -> Option<usize> {
    let first = line.chars().next()?;
    // A backslash at the end is a break.
    let ends_or_spaces = |rest: &str| rest.is_empty() || rest.starts_with([' ', '\t']) || rest == "\\";
    let is_mark = match first {
        '#' => {
            let rest = line.trim_start_matches('#');
            line.len() - rest.len() <= 6 && ends_or_spaces(rest)
        }
        '>' | '|' | '=' => true,
        '[' => opens_definition(line),
        '*' => ends_or_spaces(&line[1..]),
        '-' | '+' => ends_or_spaces(&line[1..]) || line.bytes().all(|byte| matches!(byte, b'-' | b' ' | b'|' | b':')),
        ':' => line.bytes().all(|byte| matches!(byte, b'-' | b' ' | b'|' | b':')),
        _ => false,
    };
    if is_mark {
        return Some(0);
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let is_number =
        (1..=9).contains(&digits) && line[digits..].starts_with(['.', ')']) && ends_or_spaces(&line[digits + 1..]);
    is_number.then_some(digits)
}

/// Whether a line that begins with `[` defines a link's target: what would be
/// code or a link later in the line is neither then.
fn opens_definition(line: &str) -> bool {
    let mut is_escaped = false;
    for (at, byte) in line.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'[' => return false,
            b']' => return line[at + 1..].starts_with(':'),
            _ => {}
        }
    }
    false
}

/// The length of the longest run of `character` in `text`.
pub(in crate::process) fn longest_run(text: &str, character: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for found in text.chars() {
        run = if found == character { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}
