//! What the commands about the embedding model take.

use clap::{Args, Subcommand};

/// What to embed.
#[derive(Debug, Clone, Args)]
pub struct EmbedArgs {
    /// Print one line of JSON: {"model", "dimension", "embedding": [...]}
    #[arg(long)]
    pub json: bool,
    /// Embed it as a question; else as a passage, which a question is to find
    #[arg(long)]
    pub question: bool,
    /// The text; may start with `--`; `-`: read one a line from standard input
    #[arg(value_name = "TEXT", required = true, allow_hyphen_values = true)]
    first_word: String,
    /// More words of it, where it was typed without quotes
    #[arg(value_name = "WORDS", hide = true)]
    more_words: Vec<String>,
}

impl EmbedArgs {
    /// The text, as one.
    pub fn text(&self) -> String {
        let words = std::iter::once(&self.first_word).chain(&self.more_words);
        words.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Whether texts are read from standard input, one a line.
    pub fn is_from_stdin(&self) -> bool {
        self.first_word == "-" && self.more_words.is_empty()
    }
}

/// What to do with models.
#[derive(Debug, Clone, Subcommand)]
pub enum ModelsCommand {
    /// Show which models can be had by name, whether they are in the cache, and what a folder must hold
    List(ListArgs),
    /// Fetch a model and the runtime now; a damaged file is replaced
    #[command(after_help = "\
Examples:
  docmill models pull                       the model that EMBEDDING_MODEL names
  docmill models pull all-MiniLM-L6-v2")]
    Pull(NamedModel),
    /// Read every file of a model and of the runtime again and compare checksums
    Verify(NamedModel),
}

/// What `models list` takes.
#[derive(Debug, Clone, Copy, Args)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A model.
#[derive(Debug, Clone, Args)]
pub struct NamedModel {
    /// A name that `models list` shows, or a folder [setting: EMBEDDING_MODEL]
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}
