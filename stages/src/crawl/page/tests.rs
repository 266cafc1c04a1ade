//! What is read out of pages of many makes.

use proptest::prelude::*;

use super::super::url::{NormalUrl, UrlRules};
use super::*;

fn read(html: &str) -> PageFacts {
    read_at("http://e.com/docs/a.html", html)
}

fn read_at(url: &str, html: &str) -> PageFacts {
    let rules = UrlRules::default();
    read_page(html, &NormalUrl::parse(url, &rules).unwrap(), &[], "docmill", &rules)
}

fn links(facts: &PageFacts) -> Vec<(&str, &str, bool)> {
    facts.links.iter().map(|link| (link.url.as_str(), link.text.as_str(), link.followed)).collect()
}

#[test]
fn links_are_absolute_unique_and_in_the_pages_order() {
    let facts = read(
        "<a href=b>  B\n <b>bold</b></a><a href='/c#x'></a><a href=../c>C</a><a href=mailto:x@y>m</a>
         <a href=javascript:void(0)>j</a><a href=#top>self</a><a>none</a><a href='http://['>bad</a>
         <map><area href=//o.com/area alt=Map></map><a rel='noopener NoFollow' href=no>n</a><a href=no>n2</a>
         <a rel=nofollow href=never>x</a>",
    );
    let expected = [
        ("http://e.com/docs/b", "B bold", true),
        ("http://e.com/c", "C", true),
        ("http://o.com/area", "Map", true),
        ("http://e.com/docs/no", "n", true),
        ("http://e.com/docs/never", "x", false),
    ];
    assert_eq!(links(&facts), expected);
}

#[test]
fn the_frames_of_a_frameset_are_links() {
    let facts = read("<frameset><frame src=toc.html><frame src=intro.html></frameset>");
    assert_eq!(links(&facts).len(), 2);
    assert!(read("<iframe src=x></iframe>").links.is_empty());
}

#[test]
fn a_base_moves_links_and_one_that_is_no_web_address_does_not() {
    let based = read("<base href='/other/'><base href=/late/><a href=x>X</a><link rel=canonical href=me>");
    assert_eq!(links(&based)[0].0, "http://e.com/other/x");
    assert_eq!(based.canonical.unwrap().as_str(), "http://e.com/other/me");
    let odd = read("<base href='data:text/html,x'><a href=x>X</a>");
    assert_eq!(links(&odd)[0].0, "http://e.com/docs/x");
}

#[test]
fn too_many_links_are_cut_and_counted() {
    let html: String = (0..LINKS_MAX + 7).map(|n| format!("<a href={n}>x</a>")).collect();
    let facts = read(&html);
    assert_eq!((facts.links.len(), facts.links_cut), (LINKS_MAX, 7));
}

#[test]
fn the_title_is_the_pages_and_not_a_pictures() {
    for (html, title) in [
        ("<title> One\n two </title><h1>h</h1>", "One two"),
        ("<svg><title>icon</title></svg><h1>The <i>heading</i></h1>", "The heading"),
        ("<title></title><meta property=og:title content=' og '><h1>h</h1>", "og"),
        ("<p>text", ""),
        ("", ""),
    ] {
        assert_eq!(read(html).title, title, "{html}");
    }
    assert_eq!(read(&format!("<title>{}</title>", "é ".repeat(9_000))).title.chars().count(), TITLE_CHARS_MAX - 1);
}

#[test]
fn breadcrumbs_of_the_common_makes_are_read() {
    for html in [
        r#"<script type="application/ld+json">{"@type":"BreadcrumbList","itemListElement":[{"position":1,"name":"Home"},{"position":2,"name":" Guide "}]}</script><nav aria-label=breadcrumb><a>No</a></nav>"#,
        r#"<ol itemscope itemtype="https://schema.org/BreadcrumbList"><li><span itemprop=name>Home</span><li><a href=g>Guide</a></ol>"#,
        r#"<nav aria-label="Breadcrumbs"><ul><li><a href=/>Home</a> /</li><li>Guide</li></ul></nav>"#,
        r#"<div class="crumbs breadcrumbs"><a href=/>Home</a> &raquo; <span>Guide</span></div>"#,
        r#"<p id=breadcrumb>Home &gt; Guide</p>"#,
        r#"<ul class="wy-breadcrumbs"><li><a class=icon-home></a></li><li>Home</li><li>Guide</li><li class="wy-breadcrumbs-aside">Edit</li></ul>"#,
        r#"<nav class=breadcrumb></nav><div class=breadcrumb><a>Home</a><i> | </i><a>Guide</a></div>"#,
    ] {
        assert_eq!(read(html).breadcrumbs, ["Home", "Guide"], "{html}");
    }
    assert!(read("<nav><a href=/>Home</a></nav>").breadcrumbs.is_empty());
}

#[test]
fn robots_tags_of_page_and_headers_add_up() {
    let rules = UrlRules::default();
    let url = NormalUrl::parse("http://e.com/", &rules).unwrap();
    for (html, header, noindex, nofollow) in [
        ("<meta name=ROBOTS content='NOINDEX, follow'>", "", true, false),
        ("<meta name=robots content=none>", "", true, true),
        ("<meta name=DocMill content=nofollow><meta name=googlebot content=noindex>", "", false, true),
        ("<meta name=robots content='index,follow'>", "noindex", true, false),
        ("<meta name=robots content=nofollow>", "noindex", true, true),
        ("<p>noindex", "otherbot: none", false, false),
    ] {
        let facts = read_page(html, &url, &[header.to_owned()], "docmill", &rules);
        assert_eq!(facts.robots, RobotsTag { noindex, nofollow }, "{html} {header}");
    }
    assert!(read_plain(&["noindex".to_owned()], "docmill").robots.noindex);
}

#[test]
fn dates_are_taken_as_the_page_writes_them() {
    for (html, date) in [
        ("<meta name=last-modified content=b><meta property=article:modified_time content=a>", Some("a")),
        (
            r#"<script type="application/ld+json">{"dateModified":"j"}</script><time itemprop=dateModified datetime=t>x</time>"#,
            Some("j"),
        ),
        ("<time datetime=no>x</time><p class='page-Last-Updated'><em><time>3 May</time></em></p>", Some("3 May")),
        ("<time datetime=2024>published</time>", None),
        ("<meta property=article:modified_time content='  '>", None),
    ] {
        assert_eq!(read(html).last_updated.as_deref(), date, "{html}");
    }
}

#[test]
fn language_and_article_id_are_checked_before_they_are_believed() {
    for (html, language) in [
        ("<html lang=en>", Some("en")),
        ("<html lang=' de_AT '>", Some("de-AT")),
        ("<html lang='../x'>", None),
        ("<html lang=''><meta http-equiv=Content-Language content=fr>", Some("fr")),
    ] {
        assert_eq!(read(html).language.as_deref(), language, "{html}");
    }
    for (html, id) in [
        ("<meta name=article_id content=KB-12>", Some("KB-12")),
        ("<meta name=articleId content=' 42 '>", Some("42")),
        ("<meta name=article-id content=../../x><meta name=doc-id content=ok>", Some("ok")),
        ("<meta name=id content=1>", None),
    ] {
        assert_eq!(read(html).article_id.as_deref(), id, "{html}");
    }
}

#[test]
fn hostile_nesting_does_not_end_the_process() {
    for opener in ["<div>", "<b><p>", "<table><tr><td>", "<a href=x>", "<svg><g>", "<ul class=breadcrumb><li>"] {
        let html = format!("<title>deep</title>{}<a href=end>end</a>", opener.repeat(100_000));
        assert_eq!(read(&html).title, "deep", "{opener}");
    }
}

proptest! {
    #[test]
    fn any_soup_is_read(pieces in prop::collection::vec(prop::sample::select(vec![
        "<a href=", "'x'>", "</a>", "<title>", "</title>", "<base href=//h>", "<meta name=robots content=", "noindex>",
        "<script type='application/ld+json'>", "{}", "</script>", "<nav class=breadcrumb>", "<li>", "</nav>", "<svg>",
        "<time class=updated>", "</time>", "text", "&amp;", "<", ">", "é", "\u{0}", "<template>", "<html lang=en>",
    ]), 0..60)) {
        let _whatever = read(&pieces.concat());
    }
}
