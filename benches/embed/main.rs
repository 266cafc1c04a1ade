//! How fast docmill embeds, in 32 and in 8 bits, beside sentence-transformers
//! with the same weights on the same texts.
//!
//! ```sh
//! cargo bench --bench embed                                        # beside it where there is one
//! cargo bench --bench embed -- --with-sentence-transformers        # installs it first
//! ```
//!
//! The texts are chunks that docmill itself cuts out of the Rust book (as
//! rustup installs it; else out of docmill's handbook). Each side embeds all
//! of them in each round, by turns, so that a noisy machine is noisy for all;
//! what counts are the ratios of the medians. docmill runs one session a core,
//! one text at a time; sentence-transformers one process with as many threads
//! as cores and batches of 32, as is best for each. The report is printed and
//! written as JSON.
//!
//! sentence-transformers is taken from the Python on the path, or from a
//! virtual environment in docmill's cache folder that the flag makes with
//! `pip install sentence-transformers`: a download of one to five GB, for it
//! brings PyTorch.

mod docmill;
mod memory;
mod report;
mod rival;
mod texts;

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Parser;
use docmill_stages::embed::local::{LocalOptions, LocalProvider, Precision, measure_activations};
use docmill_stages::embed::models::{self, DEFAULT_MODEL, ModelFiles, ModelRequest};

use self::docmill::Sessions;
use self::report::{Report, Side};
use self::rival::Rival;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Debug, Parser)]
struct Flags {
    /// Chunks to embed
    #[arg(long, default_value_t = 300)]
    chunks: usize,
    /// Rounds of each side
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// HTML pages to cut them from: a folder, or the name of one in Rust's documentation
    #[arg(long, default_value = "book")]
    pages: PathBuf,
    /// Where the report is written as JSON
    #[arg(long, default_value = concat!(env!("CARGO_TARGET_TMPDIR"), "/embed.json"))]
    json: PathBuf,
    /// Install sentence-transformers into docmill's cache folder if there is none
    #[arg(long)]
    with_sentence_transformers: bool,
    /// Leave sentence-transformers out
    #[arg(long, conflicts_with = "with_sentence_transformers")]
    without_sentence_transformers: bool,
    /// The model: a name, or a folder
    #[arg(long, default_value = DEFAULT_MODEL)]
    model: String,
    /// Only measure the model's activations on the chunks, and write the table that int8 needs
    #[arg(long, value_name = "FILE")]
    measure_activations: Option<PathBuf>,
    /// Only open a session a core and print the process's memory
    #[arg(long, hide = true, value_name = "PRECISION")]
    memory_of: Option<String>,
    /// Cargo says so
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let flags = Flags::parse();
    let cache = models::default_cache_folder(|name| std::env::var_os(name)).ok_or("HOME is not set")?;
    let mut request = ModelRequest::new(&flags.model, &cache);
    request.runtime_library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let files = models::acquire(&request, &|step| eprintln!("{step:?}"))?;
    if let Some(precision) = &flags.memory_of {
        return memory::show(&files, precision);
    }
    let fp32 = LocalProvider::load(&files, LocalOptions::default())?;
    let texts = texts::chunks(&flags.pages, &files.tokenizer.path, &fp32, flags.chunks)?;
    if let Some(path) = &flags.measure_activations {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        std::fs::write(path, serde_json::to_string(&measure_activations(&files, &texts)?)? + "\n")?;
        println!("the largest activations on {} texts: {}", texts.len(), path.display());
        return Ok(());
    }
    let rival = start_rival(&flags, &cache, &files, &texts)?;
    let report = compare(&flags, &files, &fp32, &texts, rival)?;
    print!("{report}");
    std::fs::write(&flags.json, serde_json::to_string_pretty(&report.json())? + "\n")?;
    println!("\nwritten to {}", flags.json.display());
    Ok(())
}

fn start_rival(flags: &Flags, cache: &Path, files: &ModelFiles, texts: &[String]) -> Result<Option<Rival>> {
    if flags.without_sentence_transformers {
        return Ok(None);
    }
    let Some(python) = rival::find_python(cache, flags.with_sentence_transformers)? else {
        println!("sentence-transformers is not here; --with-sentence-transformers installs it");
        return Ok(None);
    };
    let folder = files.weights.path.parent().ok_or("the weights are in no folder")?;
    let window = files.window.map_or(512, usize::from);
    Rival::start(&python, folder, window, texts).map(Some)
}

/// All rounds of all sides, by turns.
fn compare(
    flags: &Flags,
    files: &ModelFiles,
    fp32: &LocalProvider,
    texts: &[String],
    mut rival: Option<Rival>,
) -> Result<Report> {
    let word_pieces = fp32.word_pieces();
    let tokens = texts.iter().map(|text| word_pieces.count(text)).sum::<std::result::Result<usize, _>>()?;
    let int8 = LocalProvider::load(files, LocalOptions { precision: Precision::Int8, window: None })?;
    let (mut fp32, mut int8) = (Sessions::open(fp32)?, Sessions::open(&int8)?);
    let mut sides = vec![
        Side::new("docmill fp32", memory::of(&flags.model, "fp32")),
        Side::new("docmill int8", memory::of(&flags.model, "int8")),
    ];
    if rival.is_some() {
        sides.push(Side::new("sentence-transformers", None));
    }
    for round in 0..flags.rounds.max(2) {
        eprintln!("round {}", round + 1);
        sides[0].add(fp32.embed(texts)?);
        sides[1].add(int8.embed(texts)?);
        if let Some(rival) = &mut rival {
            sides[2].add(rival.embed()?);
            sides[2].memory = rival.memory();
        }
    }
    Ok(Report { chunks: texts.len(), tokens, cores: docmill::cores(), sides })
}
