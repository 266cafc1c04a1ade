//! What is known of each origin's robots.txt during a crawl.
//!
//! Holds no clock and asks nobody: the caller asks [`RobotsCache::lookup`]
//! before a page, fetches the file when told to, and gives the answer back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::RobotRules;

/// RFC 9309: a cached file should not be used for longer.
const FRESH_FOR: Duration = Duration::from_secs(24 * 3_600);

/// What to do before a page of an origin is fetched.
#[derive(Debug, Clone)]
pub enum Lookup {
    /// Fetch the origin's robots.txt and call [`RobotsCache::answered`] or
    /// [`RobotsCache::failed`]. Until then others are told to wait.
    Fetch,
    /// Somebody else is fetching it.
    Pending,
    /// It could not be had; not before this time again.
    WaitUntil(Instant),
    /// It could not be had however often it was tried: the origin is closed
    /// to us, with the last error.
    Closed(Arc<str>),
    /// Ask these rules.
    Rules(Arc<RobotRules>),
}

/// One crawl's robots.txt files by origin.
#[derive(Debug, Default)]
pub struct RobotsCache {
    origins: HashMap<String, State>,
}

#[derive(Debug)]
enum State {
    Pending { failures: u64 },
    Known { rules: Arc<RobotRules>, since: Instant },
    Failed { failures: u64, retry_at: Option<Instant>, error: Arc<str> },
}

impl RobotsCache {
    /// What to do before a page of `origin` is fetched.
    pub fn lookup(&mut self, origin: &str, now: Instant) -> Lookup {
        let failures = match self.origins.get(origin) {
            None => 0,
            Some(State::Pending { .. }) => return Lookup::Pending,
            Some(State::Known { rules, since }) if now.saturating_duration_since(*since) < FRESH_FOR => {
                return Lookup::Rules(Arc::clone(rules));
            }
            Some(State::Known { .. }) => 0,
            Some(State::Failed { retry_at: None, error, .. }) => return Lookup::Closed(Arc::clone(error)),
            Some(State::Failed { retry_at: Some(time), .. }) if *time > now => return Lookup::WaitUntil(*time),
            Some(State::Failed { failures, .. }) => *failures,
        };
        self.origins.insert(origin.to_owned(), State::Pending { failures });
        Lookup::Fetch
    }

    /// Keeps the rules that were fetched.
    pub fn answered(&mut self, origin: &str, rules: RobotRules, now: Instant) -> Arc<RobotRules> {
        let rules = Arc::new(rules);
        self.origins.insert(origin.to_owned(), State::Known { rules: Arc::clone(&rules), since: now });
        rules
    }

    /// Notes that the file could not be had; nothing of the origin may be
    /// fetched until it can. `retry_at` of `None` closes it for this crawl.
    pub fn failed(&mut self, origin: &str, error: &str, retry_at: Option<Instant>) {
        let failures = self.failures(origin) + 1;
        self.origins.insert(origin.to_owned(), State::Failed { failures, retry_at, error: error.into() });
    }

    /// Gives back a fetch that was begun and will not be answered, as when
    /// its actor ended.
    pub fn abandoned(&mut self, origin: &str) {
        if let Some(State::Pending { .. }) = self.origins.get(origin) {
            self.origins.remove(origin);
        }
    }

    /// How often in a row the file could not be had.
    pub fn failures(&self, origin: &str) -> u64 {
        match self.origins.get(origin) {
            Some(State::Pending { failures } | State::Failed { failures, .. }) => *failures,
            Some(State::Known { .. }) | None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_asked_once_and_again_when_its_file_is_old() {
        let (mut cache, now) = (RobotsCache::default(), Instant::now());
        assert!(matches!(cache.lookup("http://e.com", now), Lookup::Fetch));
        assert!(matches!(cache.lookup("http://e.com", now), Lookup::Pending));
        assert!(matches!(cache.lookup("https://e.com", now), Lookup::Fetch));
        cache.answered("http://e.com", RobotRules::allow_all(), now);
        assert!(matches!(cache.lookup("http://e.com", now), Lookup::Rules(_)));
        assert!(matches!(cache.lookup("http://e.com", now + FRESH_FOR), Lookup::Fetch));
    }

    #[test]
    fn a_file_that_cannot_be_had_closes_the_origin_for_now_and_then_for_good() {
        let (mut cache, now) = (RobotsCache::default(), Instant::now());
        let later = now + Duration::from_secs(1);
        assert!(matches!(cache.lookup("o", now), Lookup::Fetch));
        cache.failed("o", "503", Some(later));
        assert!(matches!(cache.lookup("o", now), Lookup::WaitUntil(time) if time == later));
        assert!(matches!(cache.lookup("o", later), Lookup::Fetch));
        cache.failed("o", "refused", None);
        assert_eq!(cache.failures("o"), 2);
        assert!(matches!(cache.lookup("o", later), Lookup::Closed(error) if &*error == "refused"));
    }

    #[test]
    fn a_fetch_without_an_answer_can_be_given_back() {
        let (mut cache, now) = (RobotsCache::default(), Instant::now());
        assert!(matches!(cache.lookup("o", now), Lookup::Fetch));
        cache.abandoned("o");
        assert!(matches!(cache.lookup("o", now), Lookup::Fetch));
    }
}
