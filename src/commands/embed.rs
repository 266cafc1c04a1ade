//! `docmill embed`: the vector of a text, as a run would make it.

use std::io::{BufRead as _, Read as _};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use docmill_stages::embed::{EmbedError, Embedder, ModelInfo, Purpose, check_vectors};
use docmill_stages::failure::chain;
use serde_json::json;

use super::show::print;
use super::{Refusal, model};
use crate::cli::EmbedArgs;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::settings::Settings;

/// A longer line is no text: a cut one would get another text's vector.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// The model, and what its texts are.
struct Asked {
    info: ModelInfo,
    embedder: Box<dyn Embedder>,
    purpose: Purpose,
    /// Waits for an embedder that is a service.
    runtime: actix_rt::Runtime,
}

/// `docmill embed`. A text that has no vector ends it with 1; the others of
/// standard input are embedded all the same.
pub(super) fn embed(settings: &Settings, args: &EmbedArgs, progress: &Progress) -> Result<Exit, Refusal> {
    let model = model::load(settings, progress, &Arc::new(AtomicBool::new(false)))?;
    let mut asked = Asked {
        info: model.provider.info().clone(),
        embedder: model.provider.open()?,
        purpose: if args.question { Purpose::Question } else { Purpose::Passage },
        runtime: actix_rt::Runtime::new().map_err(|error| Refusal::new(Exit::Unavailable, &error))?,
    };
    if args.is_from_stdin() {
        return lines(&mut asked);
    }
    match asked.vector(&args.text())? {
        Ok(vector) if args.json => Ok(print(&asked.json_line(&vector)?)),
        Ok(vector) => Ok(print(&vector.iter().map(|number| format!("{number}\n")).collect::<String>())),
        Err(why) => Err(Refusal::said(Exit::WithErrors, why)),
    }
}

/// A line of JSON for each line that came, in the same order.
fn lines(asked: &mut Asked) -> Result<Exit, Refusal> {
    let mut input = std::io::stdin().lock();
    let mut exit = Exit::Done;
    for number in 1_u64.. {
        let failed = |error: std::io::Error| Refusal::new(Exit::Unavailable, &error);
        let mut line = Vec::new();
        if (&mut input).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(failed)? == 0 {
            break;
        }
        let is_cut = !line.ends_with(b"\n") && input.skip_until(b'\n').map_err(failed)? > 0;
        let answer = match std::str::from_utf8(&line) {
            _ if is_cut => Err(format!("the line has more than {LINE_BYTES_MAX} bytes")),
            Err(error) => Err(format!("the line is not UTF-8: {error}")),
            Ok(text) => asked.vector(text.trim_end_matches(['\n', '\r']))?,
        };
        let printed = match answer {
            Ok(vector) => print(&asked.json_line(&vector)?),
            Err(why) => {
                eprintln!("docmill: line {number}: {why}");
                exit = Exit::WithErrors;
                print(&format!("{}\n", json!({"model": asked.info.name, "error": why})))
            }
        };
        if printed != Exit::Done {
            return Ok(printed);
        }
    }
    Ok(exit)
}

impl Asked {
    /// The text's vector, or why this text has none.
    fn vector(&mut self, text: &str) -> Result<Result<Vec<f32>, String>, Refusal> {
        match self.runtime.block_on(self.embedder.embed(&[text], self.purpose)) {
            Ok(vectors) => {
                check_vectors(&vectors, 1, self.info.dimension)?;
                Ok(Ok(vectors.into_iter().flatten().collect()))
            }
            Err(EmbedError::TooLong { tokens, window, .. }) => Ok(Err(format!(
                "the text has {tokens} tokens and the window of {} is {window}: embed it in parts",
                self.info.name
            ))),
            Err(error @ EmbedError::Tokenize { .. }) => Ok(Err(chain(&error))),
            Err(error) => Err(error.into()),
        }
    }

    /// Each number is the shortest that reads back as the same 32-bit float.
    fn json_line(&self, vector: &[f32]) -> Result<String, Refusal> {
        let failed = |error: serde_json::Error| Refusal::new(Exit::Unavailable, &error);
        let model = serde_json::to_string(&self.info.name).map_err(failed)?;
        let numbers = serde_json::to_string(vector).map_err(failed)?;
        Ok(format!("{{\"model\":{model},\"dimension\":{},\"embedding\":{numbers}}}\n", self.info.dimension))
    }
}
