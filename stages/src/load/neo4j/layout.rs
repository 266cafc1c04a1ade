//! The names that the graph has: docmill's, which neo4j-graphrag, LangChain
//! and LLM Graph Builder expect too, or docs2vector's.
//!
//! Only these constants ever become part of a statement; every value is a
//! parameter.

/// `NEO4J_SCHEMA`: how the graph is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `(:Chunk {id, text, index})-[:FROM_DOCUMENT]->(:Document)`, with the
    /// indexes `vector` and `keyword`.
    Docmill,
    /// `(:Document)-[:CONTAINS]->(:Chunk {id, content, chunk_index})`, with
    /// the vector index `chunk_embedding`.
    Docs2vector,
}

impl Layout {
    /// As the setting and the graph have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docmill => "docmill",
            Self::Docs2vector => "docs2vector",
        }
    }

    /// The layout of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Docmill, Self::Docs2vector].into_iter().find(|layout| layout.name() == name)
    }

    /// A chunk's property that holds its text.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Docmill => "text",
            Self::Docs2vector => "content",
        }
    }

    /// A chunk's property that holds its place in the document, from 0.
    pub(super) fn index(self) -> &'static str {
        match self {
            Self::Docmill => "index",
            Self::Docs2vector => "chunk_index",
        }
    }

    /// From `(c)` to its document `(d)`, or the other way round.
    pub(super) fn edge(self) -> &'static str {
        match self {
            Self::Docmill => "(c)-[:FROM_DOCUMENT]->(d)",
            Self::Docs2vector => "(c)<-[:CONTAINS]-(d)",
        }
    }

    /// The vectors' index.
    pub(super) fn vector_index(self) -> &'static str {
        match self {
            Self::Docmill => "vector",
            Self::Docs2vector => "chunk_embedding",
        }
    }
}

/// The full text's index.
pub(super) const KEYWORD_INDEX: &str = "keyword";
/// The index of what documents link to.
pub(super) const LINKS_INDEX: &str = "docmill_links";
