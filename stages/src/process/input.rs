//! Which of a raw item's texts is processed, and as what.

use crate::item::RawItem;

/// The text to process.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source<'a> {
    Html(&'a str),
    Markdown(&'a str),
    Plain(&'a str),
    Nothing,
}

impl Source<'_> {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Html(text) | Self::Markdown(text) | Self::Plain(text) => text,
            Self::Nothing => "",
        }
    }
}

/// The first of the item's texts that says something: the page's HTML, then
/// the content, then the plain text. Empty ones count only if all are.
pub(super) fn source(raw: &RawItem) -> Source<'_> {
    let kind = media_type(raw.metadata.content_type.as_deref().unwrap_or_default());
    let says_something = |text: &&str| !text.trim().is_empty();
    if let Some(html) = raw.html_content.as_deref().filter(says_something) {
        return match kind {
            Some(Kind::Markdown) => Source::Markdown(html),
            Some(Kind::Plain) => Source::Plain(html),
            Some(Kind::Html) | None => Source::Html(html),
        };
    }
    if let Some(content) = raw.content.as_deref().filter(says_something) {
        return match kind {
            Some(Kind::Plain) => Source::Plain(content),
            Some(Kind::Markdown) => Source::Markdown(content),
            Some(Kind::Html) | None if looks_like_html(content) => Source::Html(content),
            Some(Kind::Html) | None => Source::Markdown(content),
        };
    }
    match raw.text_content.as_deref().filter(says_something) {
        Some(text) if kind == Some(Kind::Markdown) => Source::Markdown(text),
        Some(text) => Source::Plain(text),
        None if raw.html_content.is_some() || raw.content.is_some() || raw.text_content.is_some() => Source::Plain(""),
        None => Source::Nothing,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Html,
    Markdown,
    Plain,
}

fn media_type(content_type: &str) -> Option<Kind> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "text/html" | "application/xhtml+xml" => Some(Kind::Html),
        "text/markdown" | "text/x-markdown" => Some(Kind::Markdown),
        "text/plain" => Some(Kind::Plain),
        _ => None,
    }
}

/// Whether a text is HTML: it begins with a tag and ends one, as Markdown
/// with a little HTML in it does not.
fn looks_like_html(text: &str) -> bool {
    const BEGINNINGS: [&str; 24] = [
        "!doctype",
        "!--",
        "html",
        "head",
        "body",
        "div",
        "p",
        "main",
        "article",
        "section",
        "h1",
        "h2",
        "h3",
        "h4",
        "ul",
        "ol",
        "dl",
        "table",
        "pre",
        "span",
        "header",
        "nav",
        "blockquote",
        "a",
    ];
    let text = text.trim();
    let Some(inside) = text.strip_prefix('<') else { return false };
    let begins = BEGINNINGS.iter().any(|name| {
        let found = inside.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name));
        let ends_name = inside[name.len().min(inside.len())..].starts_with(|next: char| !next.is_ascii_alphanumeric());
        found && (ends_name || *name == "!--")
    });
    begins && text.ends_with('>')
}

/// Adds docs2vector's lists, which its HTML has in the page itself, as
/// sections; an entry that the text has already is not said twice.
pub(super) fn append_lists(raw: &RawItem, markdown: &mut String) {
    let lists = [
        ("Things to know", &raw.things_to_know),
        ("Things to do", &raw.things_to_do),
        ("Things to avoid", &raw.things_to_avoid),
    ];
    for (heading, entries) in lists {
        let missing: Vec<&str> = entries
            .iter()
            .map(|entry| entry.trim())
            .filter(|entry| !entry.is_empty() && !markdown.contains(entry))
            .collect();
        if missing.is_empty() {
            continue;
        }
        if !markdown.is_empty() {
            markdown.push_str(if markdown.ends_with('\n') { "\n" } else { "\n\n" });
        }
        markdown.push_str(&format!("## {heading}\n\n"));
        for entry in missing {
            markdown.push_str(&format!("- {}\n", entry.replace('\n', "\n  ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(fields: &str) -> RawItem {
        serde_json::from_str(&format!(r#"{{"url":"https://a/","title":"t",{fields}}}"#)).unwrap()
    }

    #[test]
    fn the_first_text_that_says_something_is_taken_as_what_it_is() {
        for (fields, expected) in [
            (r#""html_content":"<p>h</p>","content":"c""#, Source::Html("<p>h</p>")),
            (r#""html_content":" ","content":"**c**""#, Source::Markdown("**c**")),
            (r#""content":"<div>c</div>\n""#, Source::Html("<div>c</div>\n")),
            (r#""content":"<a> is a tag""#, Source::Markdown("<a> is a tag")),
            (r##""content":"# x\n<p>y</p>""##, Source::Markdown("# x\n<p>y</p>")),
            (r#""content":null,"text_content":"t""#, Source::Plain("t")),
            (r#""text_content":"t","metadata":{"content_type":"text/markdown; charset=utf-8"}"#, Source::Markdown("t")),
            (r#""html_content":"a<b","metadata":{"content_type":"text/plain"}"#, Source::Plain("a<b")),
            (r#""html_content":"""#, Source::Plain("")),
            (r#""last_updated":null"#, Source::Nothing),
        ] {
            assert_eq!(source(&raw(fields)), expected, "{fields}");
        }
    }

    #[test]
    fn lists_are_added_once() {
        let item = raw(r#""content":"x","things_to_know":["known","new"],"things_to_avoid":"traps""#);
        let mut markdown = "Well known.\n".to_owned();
        append_lists(&item, &mut markdown);
        assert_eq!(markdown, "Well known.\n\n## Things to know\n\n- new\n\n## Things to avoid\n\n- traps\n");
    }
}
