//! Plain text as Markdown that shows the same text: what looks like markup in
//! it is escaped, and what depends on its columns becomes a code block.

/// A gap of this many spaces inside a line means columns.
const COLUMN_SPACES: &str = "   ";

/// `text` as Markdown.
pub(super) fn to_markdown(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut markdown = String::with_capacity(text.len() + text.len() / 16);
    for (is_preformatted, block) in blocks(&text) {
        if !markdown.is_empty() {
            markdown.push('\n');
        }
        if is_preformatted {
            let fence = "`".repeat(super::markdown::longest_run(&block, '`').max(2) + 1);
            markdown.extend([&fence, "\n", &block, "\n", &fence, "\n"]);
        } else {
            markdown.push_str(&super::markdown::paragraph_of_text(&block));
            markdown.push('\n');
        }
    }
    markdown
}

/// The text's blocks, which blank lines part, and whether each depends on
/// its columns. Such blocks in a row are one, blank lines included.
fn blocks(text: &str) -> Vec<(bool, String)> {
    let mut blocks: Vec<(bool, String)> = Vec::new();
    let mut blank_lines = 0;
    let mut lines: Vec<&str> = Vec::new();
    for line in text.split('\n').chain([""]) {
        if !line.trim().is_empty() {
            lines.push(line);
            continue;
        }
        if !lines.is_empty() {
            add_block(&mut blocks, &lines, blank_lines);
            lines.clear();
            blank_lines = 0;
        }
        blank_lines += 1;
    }
    blocks
}

fn add_block(blocks: &mut Vec<(bool, String)>, lines: &[&str], blank_lines: usize) {
    let is_preformatted = lines.iter().any(|line| depends_on_columns(line));
    let block = lines.join("\n");
    match blocks.last_mut() {
        Some((true, before)) if is_preformatted => {
            before.push_str(&"\n".repeat(blank_lines + 1));
            before.push_str(&block);
        }
        _ => blocks.push((is_preformatted, block)),
    }
}

fn depends_on_columns(line: &str) -> bool {
    line.starts_with("  ")
        || line.starts_with('\t')
        || line.trim_end().contains(COLUMN_SPACES)
        || line.trim().contains('\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_does_not_turn_into_markup() {
        for (text, markdown) in [
            ("", ""),
            ("one line", "one line\n"),
            ("# no heading\n* no list\n\n1. no item", "\\# no heading\n\\* no list\n\n1\\. no item\n"),
            ("a <b> & &amp; *c*", "a \\<b> & \\&amp; \\*c\\*\n"),
            ("text\n\n  int x;\n\n  int y;\n\nmore", "text\n\n```\n  int x;\n\n  int y;\n```\n\nmore\n"),
            ("a   b\r\nc   d", "```\na   b\nc   d\n```\n"),
            ("title\n=====", "title\n\\=====\n"),
        ] {
            assert_eq!(to_markdown(text), markdown, "{text:?}");
        }
    }
}
