//! `noindex` and `nofollow`, in `<meta>` and in `X-Robots-Tag`.

/// What a page forbids; nothing by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RobotsTag {
    /// The page may not be indexed.
    pub noindex: bool,
    /// The page's links may not be followed.
    pub nofollow: bool,
}

impl RobotsTag {
    /// Both together: what either forbids is forbidden.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { noindex: self.noindex || other.noindex, nofollow: self.nofollow || other.nofollow }
    }

    /// Reads `<meta name=robots content=…>`.
    pub(super) fn of_content(content: &str) -> Self {
        content.split(',').fold(Self::default(), |tag, word| tag.and(Self::of_word(word)))
    }

    /// Reads the values of `X-Robots-Tag`. A value may begin with the name of
    /// the robot it is for, as in `otherbot: noindex, nofollow`.
    pub(super) fn of_headers(values: &[String], product_token: &str) -> Self {
        let mut tag = Self::default();
        for value in values {
            let mut is_for_us = true;
            for word in value.split(',') {
                let word = match word.split_once(':') {
                    Some((name, _)) if has_value(name.trim()) => continue,
                    Some((name, rest)) => {
                        is_for_us = name.trim().eq_ignore_ascii_case(product_token);
                        rest
                    }
                    None => word,
                };
                if is_for_us {
                    tag = tag.and(Self::of_word(word));
                }
            }
        }
        tag
    }

    fn of_word(word: &str) -> Self {
        let is = |name: &str| word.trim().eq_ignore_ascii_case(name);
        Self { noindex: is("noindex") || is("none"), nofollow: is("nofollow") || is("none") }
    }
}

/// Words that have a value after a colon and so are no robot's name.
fn has_value(name: &str) -> bool {
    ["unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"]
        .into_iter()
        .any(|word| name.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_for_us_and_for_all() {
        for (values, noindex, nofollow) in [
            (vec!["noindex"], true, false),
            (vec!["NoIndex , nofollow"], true, true),
            (vec!["none"], true, true),
            (vec!["otherbot: none"], false, false),
            (vec!["otherbot: noindex, nofollow, docmill: nofollow"], false, true),
            (vec!["DocMill: noindex", "other: nofollow"], true, false),
            (vec!["unavailable_after: 25 Jun 2010 15:00:00 PST, noindex"], true, false),
            (vec!["max-snippet:-1, noarchive", "index, follow"], false, false),
            (vec![""], false, false),
        ] {
            let values: Vec<String> = values.into_iter().map(str::to_owned).collect();
            assert_eq!(RobotsTag::of_headers(&values, "docmill"), RobotsTag { noindex, nofollow }, "{values:?}");
        }
    }
}
