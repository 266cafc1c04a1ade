//! A text that is not shown, and the masking of what might be one.

use std::fmt;

use url::Url;

/// What stands in place of a secret.
pub const MASK: &str = "********";

/// A password or a key: `Debug` and `Display` hide it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one request that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// A service's address, which may hold a user and a password: `Debug` hides
/// them.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceUrl(Url);

impl ServiceUrl {
    /// Wraps `url`.
    pub fn new(url: Url) -> Self {
        Self(url)
    }

    /// The address itself, for requests.
    pub fn expose(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_credentials(self.0.as_str()))
    }
}

/// `text` with the user and password of each URL in it masked:
/// `https://user:pass@host` becomes `https://********@host`.
pub fn mask_credentials(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("//") {
        let (before, after) = rest.split_at(start + 2);
        masked.push_str(before);
        let authority_end = after.find(|c: char| "/?#\\".contains(c) || c.is_whitespace()).unwrap_or(after.len());
        match after[..authority_end].rfind('@') {
            Some(at) => {
                masked.push_str(MASK);
                rest = &after[at..];
            }
            None => rest = after,
        }
    }
    masked.push_str(rest);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_nowhere() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)).matches("hunter2").count(), 0);
        assert_eq!(secret.expose(), "hunter2");
        let url = ServiceUrl::new(Url::parse("https://me:hunter2@a.example/v1").unwrap());
        assert_eq!(format!("{url:?}"), "https://********@a.example/v1");
        assert_eq!(url.expose().password(), Some("hunter2"));
    }

    #[test]
    fn credentials_in_urls_are_masked() {
        for (text, masked) in [
            ("https://u:p@ss@h/x@y", "https://********@h/x@y"),
            ("a http://k@h b https://h/p", "a http://********@h b https://h/p"),
            ("https://h//a@b", "https://h//********@b"),
            ("//", "//"),
            ("plain@text", "plain@text"),
        ] {
            assert_eq!(mask_credentials(text), masked);
        }
    }
}
