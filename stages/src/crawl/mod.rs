//! The crawl stage: from start URLs to raw items.
//!
//! Everything here is a function or a small type that an actor calls; nothing
//! waits, sleeps or starts a task of its own, except that [`fetch`] awaits the
//! network. The way of one URL:
//!
//! 1. [`frontier`] hands out the next URL (by depth, then URL) and remembers
//!    that it is being fetched.
//! 2. [`robots`] says whether it may be fetched, [`gate`] when.
//! 3. [`fetch`] asks the server; [`decode`] makes text of the bytes.
//! 4. [`page`] reads title, links, breadcrumbs and robots tags out of it.
//! 5. [`raw`] makes the raw item, which the caller puts into the store.
//! 6. Only then [`frontier`] is told the outcome; it adds the links that
//!    [`scope`] lets in.

mod answers;
pub mod decode;
pub mod fetch;
pub mod frontier;
pub mod gate;
pub mod options;
pub mod page;
pub mod raw;
pub mod retry;
pub mod robots;
pub mod scope;
pub mod url;

pub use answers::answers;

#[cfg(test)]
mod tests {
    #[test]
    fn what_actors_share_can_be_shared() {
        fn is_shared<T: Send + Sync + 'static>() {}
        is_shared::<super::fetch::Fetcher>();
        is_shared::<super::frontier::FrontierRules>();
        is_shared::<super::frontier::Outcome>();
        is_shared::<super::gate::Gate>();
        is_shared::<super::robots::RobotsCache>();
    }
}
