//! A page's HTML with its nesting bounded, for libraries that recurse.
//!
//! A few thousand nested tags overflow the stack of the HTML libraries, which
//! ends the process (invariant 11: the wire is hostile). Here the tags that lie too deep are taken out and all
//! text stays where it is.

use std::borrow::Cow;

use super::parse::parse;

/// `html` without the tags that nest deeper than `depth_max` (at least 8), and
/// without a tag's attributes beyond 64. Text, comments, scripts and
/// everything else stay byte for byte.
///
/// An HTML parser's tree of the result is at most `depth_max` plus a few
/// dozen elements deep and has about as many elements as the text has tags,
/// whatever the page does with unclosed tags, tables or formatting elements.
/// Linear in the length of `html`.
pub fn bound_nesting(html: &str, depth_max: usize) -> Cow<'_, str> {
    let cuts = parse(html, depth_max).cuts;
    if cuts.is_empty() {
        return Cow::Borrowed(html);
    }
    let mut kept = String::with_capacity(html.len());
    let mut at = 0;
    for cut in cuts {
        kept.push_str(&html[at..cut.start]);
        at = cut.end;
    }
    kept.push_str(&html[at..]);
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::super::parse::deepest;
    use super::*;
    use proptest::prelude::*;

    const DEPTH_MAX: usize = 64;

    /// The page's text as a parser sees it, in the order of the page.
    fn text(html: &str) -> String {
        let dom = parse(html, usize::MAX / 8).dom;
        dom.descendants(super::super::dom::NodeId::DOCUMENT)
            .filter_map(|id| match dom.data(id) {
                super::super::dom::Data::Text(text) => Some(text.to_string()),
                _ => None,
            })
            .collect()
    }

    fn depth_by_html5ever(html: &str) -> usize {
        use html5ever::tendril::TendrilSink as _;
        html5ever::parse_document(super::super::sink::DomSink::new(), html5ever::ParseOpts::default()).one(html).depth()
    }

    #[test]
    fn an_ordinary_page_is_borrowed() {
        for html in [
            "",
            "plain",
            "<!DOCTYPE html><title>a <b> c</title><p>x<p>y<ul><li>a<li>b</ul><table><td>1<td>2</table>",
            "<script>if (a<b && c</d/) { '<div><div>' }</script><br><img src=x><svg><path/><path/></svg>",
            "<div a=1 b=2>x</div><!-- <div> -->",
        ] {
            assert!(matches!(bound_nesting(html, DEPTH_MAX), Cow::Borrowed(_)), "{html}");
        }
    }

    #[test]
    fn tags_beyond_the_depth_go_and_their_text_stays() {
        let html = format!("{}deep{}<p>after</p>", "<div>".repeat(20), "</div>".repeat(20));
        let bounded = bound_nesting(&html, 10);
        let kept = bounded.matches("<div>").count();
        assert!((5..10).contains(&kept), "{bounded}");
        assert_eq!(bounded.matches("</div>").count(), kept, "{bounded}");
        assert!(bounded.contains("deep</div>") && bounded.ends_with("</div><p>after</p>"), "{bounded}");
    }

    #[test]
    fn unclosed_tags_that_were_dropped_do_not_swallow_later_end_tags() {
        let html = format!("{}<i><i><p>x{}<section>y</section>", "<div>".repeat(20), "</div>".repeat(20));
        assert!(bound_nesting(&html, 10).ends_with("<section>y</section>"));
    }

    #[test]
    fn no_trick_gets_a_deep_or_a_swollen_tree() {
        let n = 100_000;
        let deep = ["<div>", "<b>", "<a>", "<table>", "<ul>", "<svg>"];
        let odd = [
            "<div><b><a><table><ul><svg><math><mi>",
            "<svg><title>",
            "<svg><script><div></script></svg>",
            "<div><svg><![CDATA[ > </div> ]]></svg>",
            "<table><tr><td>",
            "<b><p></b>",
            "<p><b><i><u></p>",
            "<template>",
            "<select><option>",
            "<blockquote></p>",
            "<dl><dt><dd>",
            "<nobr><font>",
            "<frameset>",
            "<x-y/>",
        ];
        let numbered = |open: &str, close: &str| (0..n / 10).map(|i| format!("{open}{i}{close}")).collect::<String>();
        let made = [
            numbered("<b x=", ">"),
            numbered("<p><b x=", "></p>"),
            numbered("<e", ">"),
            format!("{}{}", numbered("<font size=", ">"), "<p>x".repeat(n / 10)),
            format!("<div {}>", numbered("a", " ")),
            format!("{}{}", "<a><p>".repeat(n / 10), "</a>".repeat(n / 10)),
        ];
        let deep = deep.into_iter().map(|tags| tags.repeat(n));
        let odd = odd.into_iter().map(|tags| tags.repeat(n / 20));
        for html in deep.chain(odd).chain(made) {
            let bounded = bound_nesting(&html, DEPTH_MAX);
            let depth = depth_by_html5ever(&bounded);
            assert!(depth <= deepest(DEPTH_MAX), "depth {depth} of {}", &html[..40]);
        }
    }

    fn soup() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "<div>",
            "</div>",
            "<p>",
            "</p>",
            "<b>",
            "</b>",
            "<a href='x>'>",
            "</a>",
            "<table>",
            "<tr>",
            "<td>",
            "</td>",
            "</table>",
            "<ul>",
            "<li>",
            "</ul>",
            "<svg>",
            "</svg>",
            "<title>",
            "</title>",
            "<script>",
            "</script>",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "<style>",
            "</style>",
            "<textarea>",
            "</textarea>",
            "<math>",
            "<mi>",
            "</math>",
            "<template>",
            "</template>",
            "<select>",
            "<option>",
            "</select>",
            "text ",
            "&amp;",
            "&",
            "<",
            ">",
            "\"",
            "'",
            "=",
            "/",
            "é",
            "\u{0}",
            "\r\n",
            "<br/>",
            "<noscript>",
            "</noscript>",
            "<button>",
            "<h1>",
            "</h2>",
            "<form>",
            "<plaintext",
            "<frameset>",
            "<body x=1>",
            "<html y=2>",
            "<nobr>",
            "<foreignObject>",
            "<desc>",
            "<annotation-xml encoding=text/html>",
        ]);
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn the_scanner_keeps_step_with_the_tokenizer(html in soup()) {
            use html5ever::tendril::TendrilSink as _;
            let whole = html5ever::parse_document(super::super::sink::DomSink::new(), html5ever::ParseOpts::default()).one(html.as_str());
            let parsed = parse(&html, 10_000);
            prop_assert!(parsed.cuts.is_empty());
            prop_assert_eq!(format!("{:?}", parsed.dom), format!("{whole:?}"));
        }

        #[test]
        fn any_soup_is_bounded(html in soup()) {
            let bounded = bound_nesting(&html, 8);
            prop_assert!(depth_by_html5ever(&bounded) <= deepest(8));
            if let Cow::Borrowed(same) = &bounded {
                prop_assert_eq!(*same, html.as_str());
            }
        }

        #[test]
        fn the_text_of_nested_blocks_stays(tags in prop::collection::vec(prop::sample::select(vec!["div", "section", "ul", "blockquote"]), 0..60)) {
            let mut html: String = tags.iter().enumerate().map(|(i, tag)| format!("<{tag}>{i} ")).collect();
            html.extend(tags.iter().rev().map(|tag| format!("</{tag}>!")));
            prop_assert_eq!(text(&bound_nesting(&html, 12)), text(&html));
        }
    }
}
