//! Neo4j: what is loaded, what a reader sees meanwhile, and what happens when
//! the server is not as it should be. On a real one.

mod documents;
mod errors;
mod graphrag;
mod hostile;
mod readers;
mod runs;
