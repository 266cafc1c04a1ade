//! What the tests stand on: a hostile web server, sites to crawl, the built
//! program, and ways to look at what it wrote.

pub(crate) mod book;
pub(crate) mod data;
pub(crate) mod embedding_service;
pub(crate) mod model;
pub(crate) mod neo4j;
pub(crate) mod program;
pub(crate) mod random;
pub(crate) mod server;
pub(crate) mod site;
#[cfg(target_os = "linux")]
pub(crate) mod small_disk;
pub(crate) mod wait;
