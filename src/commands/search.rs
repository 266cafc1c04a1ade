//! `docmill search`: asks the index or the graph, also beside a run.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use docmill_stages::embed::{Embedder, Purpose};
use docmill_stages::failure::{chain, one_line};
use docmill_stages::load::index::{Model, Reader};
use docmill_stages::load::neo4j::GraphReader;
use docmill_stages::load::search::{Answer, Marker, SnippetMaker};

use super::show::print;
use super::{Refusal, graph, model};
use crate::cli::SearchArgs;
use crate::exit::Exit;
use crate::progress::{Progress, wants_colour};
use crate::search_output::{self, MARK_END, MARK_START, SNIPPET_WORDS, ShownHit};
use crate::settings::Settings;

/// A question is read up to so many bytes; the rest of its line is left out.
const QUESTION_BYTES_MAX: u64 = 1 << 20;

/// What is asked.
pub(super) enum Place {
    Index(Reader),
    /// The graph; with what stands around each hit or without.
    Graph(GraphReader, bool),
}

impl Place {
    /// Whose vectors it holds.
    fn model(&self) -> &Model {
        match self {
            Self::Index(reader) => reader.model(),
            Self::Graph(reader, _) => reader.model(),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Index(_) => "the index",
            Self::Graph(..) => "the graph",
        }
    }
}

/// A place and the model that asks it.
pub(super) struct Searcher<'a> {
    settings: &'a Settings,
    place: Place,
    /// `None` where the place was filled with another model: then the words
    /// alone are searched for.
    embedder: Option<Box<dyn Embedder>>,
    /// Waits for an embedder that is a service.
    runtime: actix_rt::Runtime,
}

impl<'a> Searcher<'a> {
    pub(super) fn open(settings: &'a Settings, place: Place, progress: &Progress) -> Result<Self, Refusal> {
        let model = model::load(settings, progress, &Arc::new(AtomicBool::new(false)))?;
        let (wanted, found) = (model.provider.info(), place.model());
        let embedder = if wanted.fingerprint == found.fingerprint {
            Some(model.provider.open()?)
        } else {
            log::warn!(
                "{} was made with {}, and the settings name {}{}: searching by words only; `docmill process` makes it anew",
                place.name(),
                found.name,
                wanted.name,
                if found.name == wanted.name { " in another precision or make (EMBEDDING_PRECISION)" } else { "" }
            );
            None
        };
        let runtime = actix_rt::Runtime::new().map_err(|error| Refusal::new(Exit::Unavailable, &error))?;
        Ok(Self { settings, place, embedder, runtime })
    }

    /// The `hits` best chunks for a question.
    pub(super) fn ask(&mut self, question: &str, hits: NonZeroUsize) -> Result<Answer, Refusal> {
        if let Place::Index(reader) = &self.place
            && reader.is_replaced(&self.settings.storage.data_dir)?
        {
            self.place = index(self.settings)?;
        }
        let vector = match self.embedder.as_mut() {
            Some(embedder) => self.runtime.block_on(question_vector(embedder.as_mut(), question)),
            None => None,
        };
        let vector = vector.as_deref();
        Ok(match &self.place {
            Place::Index(reader) => reader.search(question, vector, hits)?,
            Place::Graph(reader, is_wide) => self.runtime.block_on(reader.search(question, vector, hits, *is_wide))?,
        })
    }
}

/// The index under `DATA_DIR`.
pub(super) fn index(settings: &Settings) -> Result<Place, Refusal> {
    let folder = &settings.storage.data_dir;
    Reader::open(folder)?.map(Place::Index).ok_or_else(|| {
        let folder = folder.display();
        Refusal::said(
            Exit::Unavailable,
            format!("there is no index in DATA_DIR {folder} yet; make one with `docmill run URL` or `docmill process`"),
        )
    })
}

/// The question's vector; of its beginning where it is over the model's
/// window, and none where it has no text.
async fn question_vector(embedder: &mut dyn Embedder, question: &str) -> Option<Vec<f32>> {
    let mut question = question.trim();
    while !question.is_empty() {
        match embedder.embed(&[question], Purpose::Question).await {
            Ok(vectors) => return vectors.into_iter().next(),
            Err(error) if question.len() < 64 || !error.is_too_long() => {
                log::warn!("{}: searching by words only", one_line(&chain(&error), 1_000));
                return None;
            }
            Err(_too_long) => question = &question[..question.floor_char_boundary(question.len() / 2)],
        }
    }
    None
}

/// `docmill search`.
pub(super) fn search(settings: &Settings, args: &SearchArgs, progress: &Progress) -> Result<Exit, Refusal> {
    let place = if args.neo4j || args.widen || (settings.neo4j.is_on && !args.index) {
        Place::Graph(graph::reader(settings)?, args.widen)
    } else {
        index(settings)?
    };
    let mut searcher = Searcher::open(settings, place, progress)?;
    let hits = NonZeroUsize::new(args.hits.into()).unwrap_or(NonZeroUsize::MIN);
    if !args.is_from_stdin() {
        return answer(&mut searcher, &args.question(), hits, args.json);
    }
    let mut input = std::io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let failed = |error: std::io::Error| {
            Refusal::said(Exit::Unavailable, format!("cannot read questions from standard input: {error}"))
        };
        let read = (&mut input).take(QUESTION_BYTES_MAX).read_until(b'\n', &mut line).map_err(failed)?;
        if read == 0 {
            return Ok(Exit::Done);
        }
        if !line.ends_with(b"\n") {
            input.skip_until(b'\n').map_err(failed)?;
        }
        let question = String::from_utf8_lossy(&line);
        // A line of JSON for each line that came, whatever it holds.
        let exit = answer(&mut searcher, question.trim_end_matches(['\n', '\r']), hits, true)?;
        if exit != Exit::Done {
            return Ok(exit);
        }
    }
}

fn answer(searcher: &mut Searcher<'_>, question: &str, hits: NonZeroUsize, json: bool) -> Result<Exit, Refusal> {
    let answer = searcher.ask(question, hits)?;
    if json {
        let line = serde_json::to_string(&answer).map_err(|error| Refusal::new(Exit::Unavailable, &error))?;
        return Ok(print(&(line + "\n")));
    }
    Ok(print(&shown(question, &answer)?))
}

/// The answer as a person reads it.
pub(super) fn shown(question: &str, answer: &Answer) -> Result<String, Refusal> {
    let snippets = SnippetMaker::new(question)?;
    let marker = Marker { start: MARK_START, end: MARK_END };
    let mut hits = Vec::new();
    for hit in &answer.hits {
        hits.push(ShownHit {
            rank: hit.rank,
            score: hit.score,
            title: &hit.title,
            headings: &hit.headings,
            snippet: snippets.snippet(&hit.text, marker, SNIPPET_WORDS)?,
            url: &hit.url,
            around: hit.around.as_ref(),
        });
    }
    Ok(search_output::text(&hits, std::io::stdout().is_terminal() && wants_colour()))
}
