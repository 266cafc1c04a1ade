//! The headings of a finished Markdown text, as a Markdown parser sees them.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::item::Heading;

/// The Markdown that docmill writes and reads: GitHub's.
pub(super) fn markdown_options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_FOOTNOTES
}

/// The headings of `markdown` in their order. `anchors` are the fragments
/// known by the offset of their heading, in ascending order; one whose offset
/// is no heading's is left out.
pub(super) fn read(markdown: &str, anchors: &[(usize, Option<String>)]) -> Vec<Heading> {
    let mut headings = Vec::new();
    let mut open: Option<Heading> = None;
    for (event, range) in Parser::new_ext(markdown, markdown_options()).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                let known = anchors.binary_search_by_key(&range.start, |(offset, _)| *offset).ok();
                open = Some(Heading {
                    level: level as u8,
                    text: String::new(),
                    anchor: known.and_then(|index| anchors[index].1.clone()),
                    offset: range.start,
                });
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some(mut heading) = open.take() {
                    heading.text.truncate(heading.text.trim_end().len());
                    headings.push(heading);
                }
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut open {
                    heading.text.push_str(&text);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some(heading) = &mut open {
                    heading.text.push(' ');
                }
            }
            _ => {}
        }
    }
    headings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_found_with_offset_and_anchor() {
        let markdown = "# One `code`\n\n```\n# no\n```\n\n- ## Two *x*\n";
        let headings = read(markdown, &[(0, Some("one".to_owned())), (31, None)]);
        let found: Vec<_> =
            headings.iter().map(|h| (h.level, h.text.as_str(), h.anchor.as_deref(), h.offset)).collect();
        assert_eq!(found, [(1, "One code", Some("one"), 0), (2, "Two x", None, 30)]);
        assert!(markdown[30..].starts_with("## Two"));
    }
}
