//! From a fetched page to the raw item that the store keeps.

use super::fetch::Media;
use super::page::PageFacts;
use super::url::NormalUrl;
use crate::item::{self, Link, RawItem, RawMetadata};

/// How many related links a raw item holds.
const RELATED_MAX: usize = 1_000;
/// How far into a text its first heading is looked for, in lines.
const HEADING_LINES_MAX: usize = 50;
/// How long a title made of a text may be, in characters.
const TITLE_CHARS_MAX: usize = 200;

/// What a raw item is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawPage<'a> {
    /// The page's URL, its identity.
    pub url: &'a NormalUrl,
    /// What `text` is.
    pub media: &'a Media,
    /// The whole page, decoded.
    pub text: String,
    /// What was read out of it.
    pub facts: &'a PageFacts,
    /// When it was fetched, ISO 8601.
    pub scraped_at: &'a str,
    /// Whether it was indexed before.
    pub is_known: bool,
}

/// The raw item. The same page gives the same item but for `scraped_at` and
/// `change_status`, which are no part of its content hash.
pub fn raw_item(page: RawPage<'_>) -> RawItem {
    let RawPage { url, media, text, facts, scraped_at, is_known } = page;
    let media = if *media == Media::Plain && is_markdown_file(url) { &Media::Markdown } else { media };
    let title = if media.is_html() { facts.title.clone() } else { title_of_text(&text, url) };
    let (mut content, mut html_content, mut text_content) = (None, None, None);
    match media {
        Media::Html | Media::Xhtml => html_content = Some(text),
        Media::Markdown => content = Some(text),
        Media::Plain | Media::Other(_) => text_content = Some(text),
    }
    RawItem {
        url: url.to_string(),
        title,
        content,
        html_content,
        text_content,
        last_updated: facts.last_updated.clone(),
        breadcrumbs: facts.breadcrumbs.clone(),
        related_links: related_links(url, facts),
        things_to_know: Vec::new(),
        things_to_do: Vec::new(),
        things_to_avoid: Vec::new(),
        metadata: RawMetadata {
            locale: facts.language.clone(),
            article_id: facts.article_id.clone(),
            change_status: Some(if is_known { "updated" } else { "new" }.to_owned()),
            content_type: Some(media.name().to_owned()),
            canonical_url: facts.canonical.as_ref().map(NormalUrl::to_string),
            ..RawMetadata::default()
        },
        scraped_at: Some(scraped_at.to_owned()),
    }
}

/// The name of the file in `raw/`, by the key and the article id that
/// [`super::frontier::assign_key`] gives.
pub fn raw_file_name(key: &str, article_id: Option<&str>) -> String {
    format!("{}.json", item::file_stem(key, article_id))
}

/// The file's bytes: a JSON list of this one item, fields in a fixed order.
///
/// # Errors
/// None that can happen: every field is plain data with texts for names.
pub fn raw_file(item: &RawItem) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(&[item])?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Links to other pages of the same host, in the order of the page.
fn related_links(url: &NormalUrl, facts: &PageFacts) -> Vec<Link> {
    let host = url.host_key();
    let related = facts.links.iter().filter(|link| link.url.host_key() == host);
    related.take(RELATED_MAX).map(|link| Link { text: link.text.clone(), url: link.url.to_string() }).collect()
}

/// Servers that do not know Markdown send it as plain text.
fn is_markdown_file(url: &NormalUrl) -> bool {
    let path = url.as_url().path().to_ascii_lowercase();
    [".md", ".markdown", ".mdx"].iter().any(|ending| path.ends_with(ending))
}

/// A text's first `# heading`, else the URL's last part.
fn title_of_text(text: &str, url: &NormalUrl) -> String {
    let heading = text.lines().take(HEADING_LINES_MAX).find_map(|line| {
        let heading = line.strip_prefix("# ")?.trim().trim_end_matches('#').trim_end();
        (!heading.is_empty()).then_some(heading)
    });
    let last_part = || url.as_url().path().rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
    heading.unwrap_or_else(last_part).chars().take(TITLE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::super::page::{read_page, read_plain};
    use super::super::url::UrlRules;
    use super::*;

    fn item(url: &str, media: &Media, text: &str, is_known: bool, scraped_at: &str) -> RawItem {
        let rules = UrlRules::default();
        let url = NormalUrl::parse(url, &rules).unwrap();
        let facts =
            if media.is_html() { read_page(text, &url, &[], "docmill", &rules) } else { read_plain(&[], "docmill") };
        raw_item(RawPage { url: &url, media, text: text.to_owned(), facts: &facts, scraped_at, is_known })
    }

    const HTML: &str = "<html lang=en><title>T</title><meta name=article_id content=KB-1><link rel=canonical href=/c>
        <nav aria-label=breadcrumb><a>Home</a></nav><a href=b>B</a><a href=//o.com/>O</a>";

    #[test]
    fn a_page_of_html_is_kept_whole_with_what_it_says() {
        let item = item("http://e.com/a", &Media::Html, HTML, false, "2024-01-01T00:00:00Z");
        assert_eq!((item.url.as_str(), item.title.as_str()), ("http://e.com/a", "T"));
        assert_eq!((item.html_content.as_deref(), item.content.as_ref()), (Some(HTML), None));
        assert_eq!(item.related_links, [Link { text: "B".to_owned(), url: "http://e.com/b".to_owned() }]);
        assert_eq!(item.breadcrumbs, ["Home"]);
        let metadata = &item.metadata;
        assert_eq!((metadata.locale.as_deref(), metadata.article_id.as_deref()), (Some("en"), Some("KB-1")));
        assert_eq!(metadata.canonical_url.as_deref(), Some("http://e.com/c"));
        assert_eq!(metadata.change_status.as_deref(), Some("new"));
    }

    #[test]
    fn markdown_and_text_are_told_apart_also_where_the_server_does_not() {
        let markdown = item("http://e.com/guide.MD", &Media::Plain, "intro\n# The guide #\n", false, "");
        assert_eq!((markdown.title.as_str(), markdown.content.is_some()), ("The guide", true));
        assert_eq!(markdown.metadata.content_type.as_deref(), Some("text/markdown"));
        let plain = item("http://e.com/x/notes.txt/", &Media::Plain, "words", false, "");
        assert_eq!((plain.title.as_str(), plain.text_content.as_deref()), ("notes.txt", Some("words")));
    }

    #[test]
    fn the_same_page_gives_the_same_item_whenever_it_is_fetched() {
        let one = item("http://e.com/a", &Media::Html, HTML, false, "2024");
        let two = item("http://e.com/a", &Media::Html, HTML, true, "2025");
        assert_eq!(one.content_hash(), two.content_hash());
        assert_eq!(raw_file(&one).unwrap(), raw_file(&one.clone()).unwrap());
    }

    #[test]
    fn the_file_is_a_list_that_can_be_read_back() {
        let item = item("http://e.com/a", &Media::Html, HTML, false, "2024");
        let read: Vec<RawItem> = serde_json::from_slice(&raw_file(&item).unwrap()).unwrap();
        assert_eq!(read, [item]);
        assert_eq!(raw_file_name("abc", Some("KB-1")), "item_KB-1_abc.json");
        assert_eq!(raw_file_name("abc", None), "item_abc.json");
    }
}
