//! The sections of a document: what stands under each heading, and the
//! headings above it.
//!
//! A section without text is no section of its own: its heading goes with the
//! section that follows (its first child, where it has one), and at the end of
//! the document with the one before.

use std::ops::Range;

use super::parse::{Block, Heading, Kind, Part};

/// A stretch of the document whose text has one heading path.
#[derive(Debug)]
pub(super) struct Section {
    /// From the first heading that goes with it to the next section.
    pub(super) span: Range<usize>,
    /// Where its text starts: the end of its heading.
    pub(super) text_start: usize,
    /// The headings that apply, outermost first, as indices; levels ascend.
    pub(super) path: Vec<usize>,
    pub(super) blocks: Vec<Block>,
}

/// Sorts the parts of `markdown` into sections that together cover it.
pub(super) fn sections(markdown: &str, parts: Vec<Part>) -> (Vec<Section>, Vec<Heading>) {
    let mut headings: Vec<Heading> = Vec::new();
    let mut found = Vec::new();
    let mut current = Section { span: 0..0, text_start: 0, path: Vec::new(), blocks: Vec::new() };
    for part in parts {
        match part {
            Part::Block(block) => current.blocks.push(block),
            Part::Heading(heading) => {
                let start = heading.span.start.max(current.text_start);
                let text_start = heading.span.end.max(start);
                let mut path = current.path.clone();
                while path.last().is_some_and(|&outer: &usize| headings[outer].level >= heading.level) {
                    path.pop();
                }
                path.push(headings.len());
                headings.push(heading);
                current.span.end = start;
                let next = Section { span: start..start, text_start, path, blocks: Vec::new() };
                found.push(std::mem::replace(&mut current, next));
            }
        }
    }
    current.span.end = markdown.len();
    found.push(current);
    (join_empty(markdown, found), headings)
}

fn join_empty(markdown: &str, found: Vec<Section>) -> Vec<Section> {
    let mut joined: Vec<Section> = Vec::new();
    let mut waiting: Option<Section> = None;
    for mut section in found {
        if let Some(empty) = waiting.take() {
            section.span.start = empty.span.start;
        }
        if is_empty(markdown, &section) {
            waiting = Some(section);
        } else {
            joined.push(section);
        }
    }
    let Some(mut rest) = waiting.filter(|rest| !markdown[rest.span.clone()].trim().is_empty()) else {
        return joined;
    };
    let lines = Block::leaf(Kind::Lines, rest.span.clone());
    match joined.last_mut() {
        Some(last) => {
            last.span.end = rest.span.end;
            last.blocks.push(lines);
        }
        None => {
            rest.text_start = rest.span.start;
            rest.blocks = vec![lines];
            joined.push(rest);
        }
    }
    joined
}

/// Whether nothing but lines across the page follows the heading. Text that
/// is no block (a link's target, for one) counts as text.
fn is_empty(markdown: &str, section: &Section) -> bool {
    let mut at = section.text_start;
    let is_blank = |range: Range<usize>| markdown.get(range).is_none_or(|text| text.trim().is_empty());
    for block in &section.blocks {
        if block.kind != Kind::Rule || !is_blank(at..block.span.start) {
            return false;
        }
        at = block.span.end;
    }
    is_blank(at..section.span.end)
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn outline(markdown: &str) -> Vec<(String, String)> {
        let (sections, headings) = sections(markdown, parse(markdown).parts);
        let path = |section: &Section| {
            section.path.iter().map(|&index| headings[index].text.as_str()).collect::<Vec<_>>().join(" > ")
        };
        sections.iter().map(|section| (path(section), markdown[section.span.clone()].trim().to_owned())).collect()
    }

    fn check(markdown: &str, expected: &[(&str, &str)]) {
        let outline = outline(markdown);
        let outline: Vec<_> = outline.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        assert_eq!(outline, expected);
    }

    #[test]
    fn a_path_holds_the_headings_above() {
        check(
            "intro\n\n# A\na\n## B\nb\n#### C\nc\n## D `x` **y**\nd\n# E\ne\n",
            &[
                ("", "intro"),
                ("A", "# A\na"),
                ("A > B", "## B\nb"),
                ("A > B > C", "#### C\nc"),
                ("A > D x y", "## D `x` **y**\nd"),
                ("E", "# E\ne"),
            ],
        );
    }

    #[test]
    fn an_empty_section_goes_with_the_next_and_the_last_with_the_one_before() {
        check("# A\n\n## B\n\n---\n\n## C\ntext\n\n## D\n", &[("A > C", "# A\n\n## B\n\n---\n\n## C\ntext\n\n## D")]);
        check("# A\n## B\n", &[("A > B", "# A\n## B")]);
        check("\n \n", &[]);
        check("# A\n[x]: /y\n# B\nb", &[("A", "# A\n[x]: /y"), ("B", "# B\nb")]);
    }

    #[test]
    fn headings_within_quotes_lists_and_code_are_text() {
        check("# A\n> # B\n\n- # C\n\n```\n# D\n```\n", &[("A", "# A\n> # B\n\n- # C\n\n```\n# D\n```")]);
    }

    #[test]
    fn underlined_headings_count() {
        check("A\n=\na\n\nB\n---\nb", &[("A", "A\n=\na"), ("A > B", "B\n---\nb")]);
    }
}
