//! robots.txt by RFC 9309: what a host lets us fetch, and how fast.
//!
//! Groups, wildcards and the longest match are the library's (texting_robots);
//! what it gets wrong or what would let a hostile file hurt is mended in
//! `clean` before it sees the file.

mod cache;
mod clean;

use std::fmt;
use std::time::Duration;

use texting_robots::Robot;

pub use self::cache::{Lookup, RobotsCache};
use super::url::NormalUrl;

/// How much of a robots.txt is read, in bytes; the rest is as if not there.
pub const ROBOTS_BYTES_MAX: usize = 500 << 10;
/// The longest `Crawl-delay` that is obeyed: a file must not stop a crawl.
pub const CRAWL_DELAY_MAX: Duration = Duration::from_secs(120);

/// What a host lets us do.
pub struct RobotRules(Rules);

enum Rules {
    All,
    None,
    File(Robot),
}

impl RobotRules {
    /// Everything is allowed: there is no robots.txt (any 4xx answer).
    pub fn allow_all() -> Self {
        Self(Rules::All)
    }

    /// Nothing is allowed: the host could not be asked.
    pub fn disallow_all() -> Self {
        Self(Rules::None)
    }

    /// Reads a file for the robot that `product_token` names. Any bytes are a
    /// robots.txt; lines that make no sense say nothing.
    pub fn parse(bytes: &[u8], product_token: &str) -> Self {
        let text = clean::clean(clean::bounded(bytes));
        match Robot::new(product_token, text.as_bytes()) {
            Ok(robot) => Self(Rules::File(robot)),
            // Only a rule that cannot be compiled leads here.
            Err(_) => {
                let text = clean::without_bad_rules(&text);
                Robot::new(product_token, text.as_bytes()).map_or(Self(Rules::None), |robot| Self(Rules::File(robot)))
            }
        }
    }

    /// Whether `url` may be fetched.
    pub fn allows(&self, url: &NormalUrl) -> bool {
        match &self.0 {
            Rules::All => true,
            Rules::None => url.path_and_query() == "/robots.txt",
            Rules::File(robot) => robot.allowed(&clean::literal(url.path_and_query())),
        }
    }

    /// The host's `Crawl-delay`, if it names one, at most [`CRAWL_DELAY_MAX`].
    pub fn crawl_delay(&self) -> Option<Duration> {
        let Rules::File(robot) = &self.0 else { return None };
        let seconds = f64::from(robot.delay?).min(CRAWL_DELAY_MAX.as_secs_f64());
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// The sitemaps that the file names, as it names them.
    pub fn sitemaps(&self) -> &[String] {
        match &self.0 {
            Rules::File(robot) => &robot.sitemaps,
            Rules::All | Rules::None => &[],
        }
    }
}

impl fmt::Debug for RobotRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Rules::All => "RobotRules::All",
            Rules::None => "RobotRules::None",
            Rules::File(_) => "RobotRules::File",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::url::UrlRules;
    use super::*;

    fn check(file: &str, allowed: &[&str], refused: &[&str]) {
        let rules = RobotRules::parse(file.as_bytes(), "docmill");
        let url = |path: &str| NormalUrl::parse(&format!("http://e.com{path}"), &UrlRules::default()).unwrap();
        for path in allowed {
            assert!(rules.allows(&url(path)), "{path} is refused by {file:?}");
        }
        for path in refused {
            assert!(!rules.allows(&url(path)), "{path} is allowed by {file:?}");
        }
    }

    #[test]
    fn the_most_specific_rule_wins_and_a_tie_allows() {
        check(
            "User-agent: *\nAllow: /p\nDisallow: /\nDisallow: /page\nAllow: /page\nDisallow: /*.gif$",
            &["/p", "/page", "/page/x", "/robots.txt"],
            &["/", "/x", "/a.gif"],
        );
        check("User-agent: *\nDisallow: /a/\nAllow: /a/b", &["/", "/a", "/a/b/c"], &["/a/", "/a/c"]);
    }

    #[test]
    fn our_own_group_counts_and_else_the_one_for_all() {
        let file = "User-agent: other\nDisallow: /\n\nUser-agent: DocMill/2.0 x\nUser-agent: b\nDisallow: /mine\n\nUser-agent: *\nDisallow: /all";
        check(file, &["/all", "/"], &["/mine"]);
        check("User-agent: docmillx\nDisallow: /\nUser-agent: * # all\nDisallow: /all", &["/"], &["/all"]);
        check(
            "User-agent: docmill\nDisallow: /a\nUser-agent: x\nDisallow: /x\nUser-agent: docmill\nDisallow: /b",
            &["/x"],
            &["/a", "/b"],
        );
        check("User-agent: other\nDisallow: /", &["/"], &[]);
    }

    #[test]
    fn an_empty_rule_says_nothing_but_ends_the_names() {
        check("User-agent: docmill\nDisallow:\n\nUser-agent: x\nDisallow: /", &["/"], &[]);
        check("User-agent: docmill\nDisallow:\nDisallow: /", &[], &["/"]);
        check("User-agent: docmill\nAllow:\nDisallow: /a", &["/b"], &["/a"]);
    }

    #[test]
    fn escapes_stars_and_dollars_are_matched_as_the_rfc_says() {
        check("User-agent: *\nDisallow: /%7ejoe/%c3%a9", &["/~joe/"], &["/~joe/é", "/%7Ejoe/%C3%A9x"]);
        check("User-agent: *\nDisallow: /é", &["/e"], &["/é"]);
        check("User-agent: *\nDisallow: /a$b\nDisallow: /end$", &["/a", "/endx", "/end/"], &["/a$b", "/a$bc", "/end"]);
        check("User-agent: *\nDisallow: /*/x*y", &["/x", "/xy"], &["/a/x/y", "/a/b/x1y2"]);
        check("User-agent: *\nDisallow: /*?q=", &["/?r"], &["/?q=1", "/a?q="]);
    }

    #[test]
    fn marks_line_ends_and_nonsense_are_borne() {
        check(
            "\u{feff}User-agent: *\r\nDisallow: /a\r\rnonsense\r\n: x\r\nDisallow /b # no colon",
            &["/c"],
            &["/a", "/b"],
        );
        check("<html>not found</html>", &["/"], &[]);
        check("", &["/"], &[]);
    }

    #[test]
    fn what_lies_beyond_the_limit_is_not_read() {
        let padding = "#".repeat(ROBOTS_BYTES_MAX);
        check(&format!("User-agent: *\nDisallow: /a\n{padding}\nDisallow: /b"), &["/b"], &["/a"]);
    }

    #[test]
    fn a_delay_is_bounded_and_never_a_panic() {
        let delay = |value: &str| {
            RobotRules::parse(format!("User-agent: *\nCrawl-delay: {value}").as_bytes(), "docmill").crawl_delay()
        };
        assert_eq!(delay("1.5"), Some(Duration::from_millis(1_500)));
        assert_eq!(delay("1e30"), Some(CRAWL_DELAY_MAX));
        assert_eq!(delay("inf"), Some(CRAWL_DELAY_MAX));
        for none in ["NaN", "-1", "soon", ""] {
            assert_eq!(delay(none), None, "{none}");
        }
        assert_eq!(RobotRules::allow_all().crawl_delay(), None);
    }

    #[test]
    fn a_rule_that_cannot_be_compiled_harms_no_other() {
        let monster = format!("/{}$", "*a".repeat(20_000));
        check(&format!("User-agent: *\nDisallow: {monster}\nDisallow: /b"), &["/a"], &["/b"]);
        let many: String = (0..30_000).map(|n| format!("Disallow: /{n}*$\n")).collect();
        check(&format!("User-agent: *\nDisallow: /b\n{many}"), &["/a"], &["/b", "/1"]);
    }

    #[test]
    fn a_host_that_cannot_be_asked_allows_nothing() {
        let url = NormalUrl::parse("http://e.com/", &UrlRules::default()).unwrap();
        assert!(RobotRules::allow_all().allows(&url) && !RobotRules::disallow_all().allows(&url));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            lines in prop::collection::vec("(user-agent|allow|disallow|crawl-delay|sitemap)?[ :]{0,2}[/*$%a-z0-9.é -]{0,12}", 0..12),
            path in "/[a-z0-9*$%?é]{0,8}",
        ) {
            let url = NormalUrl::parse(&format!("http://e.com{path}"), &UrlRules::default()).unwrap();
            for file in [bytes, lines.join("\n").into_bytes()] {
                let rules = RobotRules::parse(&file, "docmill");
                let _either = rules.allows(&url);
                prop_assert!(rules.crawl_delay().is_none_or(|delay| delay <= CRAWL_DELAY_MAX));
            }
        }
    }
}
