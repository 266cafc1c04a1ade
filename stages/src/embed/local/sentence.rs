//! What a folder says of a sentence model beside its network: how many
//! vectors become one, how long a text may be, what goes in front of it. The
//! files are those that sentence-transformers writes.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::super::{EmbedError, Purpose};
use super::config::read_if_there;

/// How the tokens' vectors become the text's. It is normalised afterwards,
/// whether the folder has a `Normalize` module or not: the index compares
/// directions only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    Mean,
    /// The first token's.
    Cls,
    /// Each component's largest.
    Max,
    LastToken,
}

impl Pooling {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Cls => "cls",
            Self::Max => "max",
            Self::LastToken => "last",
        }
    }
}

/// What a model wants in front of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prompts {
    /// In front of a question.
    pub question: String,
    /// In front of a passage.
    pub passage: String,
}

impl Prompts {
    /// What goes in front of a text of that kind; often nothing.
    pub fn of(&self, purpose: Purpose) -> &str {
        match purpose {
            Purpose::Passage => &self.passage,
            Purpose::Question => &self.question,
        }
    }

    /// Whether nothing goes in front of any text.
    pub fn is_empty(&self) -> bool {
        self.question.is_empty() && self.passage.is_empty()
    }
}

/// What of this changes a vector, for the model's fingerprint. Nothing for
/// mean pooling without prompts.
pub(super) fn fingerprint(pooling: Pooling, prompts: &Prompts) -> String {
    let mut text = String::new();
    if pooling != Pooling::Mean {
        text = format!(";pooling={}", pooling.name());
    }
    if !prompts.is_empty() {
        let mut hasher = Sha256::new();
        for prompt in [&prompts.question, &prompts.passage] {
            hasher.update((prompt.len() as u64).to_le_bytes());
            hasher.update(prompt);
        }
        text.push_str(&format!(";prompts={}", hex::encode(hasher.finalize())));
    }
    text
}

#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
}

/// Refuses a model that goes on after pooling, with a dense layer say.
pub(super) fn check_modules(folder: &Path) -> Result<(), EmbedError> {
    let path = folder.join("modules.json");
    for module in read_if_there::<Vec<Module>>(&path)?.unwrap_or_default() {
        let name = module.kind.rsplit('.').next().unwrap_or_default();
        if !matches!(name, "Transformer" | "Pooling" | "Normalize") {
            return Err(EmbedError::UnsupportedModel { path, what: format!("module {name}") });
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct PoolingFile {
    #[serde(default)]
    include_prompt: Option<bool>,
    #[serde(flatten)]
    other: serde_json::Map<String, serde_json::Value>,
}

/// The pooling that `1_Pooling/config.json` names.
///
/// # Errors
/// Where the file is not there, or names one that docmill does not know, or
/// several.
pub(super) fn read_pooling(folder: &Path, prompts: &Prompts) -> Result<Pooling, EmbedError> {
    let path = folder.join("1_Pooling").join("config.json");
    let Some(file) = read_if_there::<PoolingFile>(&path)? else {
        let reason = "without it nobody knows how the model makes one vector of many; copy the model's whole folder";
        return Err(EmbedError::ModelFile { path, reason: reason.to_owned() });
    };
    if file.include_prompt == Some(false) && !prompts.is_empty() {
        let what = "pooling without the prompt's tokens (include_prompt)".to_owned();
        return Err(EmbedError::UnsupportedModel { path, what });
    }
    let is_on = |(name, value): &(&String, &serde_json::Value)| {
        name.starts_with("pooling_mode") && **value == serde_json::Value::Bool(true)
    };
    let on: Vec<&str> = file.other.iter().filter(is_on).map(|(name, _)| name.as_str()).collect();
    match on[..] {
        ["pooling_mode_mean_tokens"] => Ok(Pooling::Mean),
        ["pooling_mode_cls_token"] => Ok(Pooling::Cls),
        ["pooling_mode_max_tokens"] => Ok(Pooling::Max),
        ["pooling_mode_lasttoken"] => Ok(Pooling::LastToken),
        _ => {
            let what = format!("pooling by [{}], only one of mean, cls, max and the last token is", on.join(", "));
            Err(EmbedError::UnsupportedModel { path, what })
        }
    }
}

#[derive(Deserialize)]
struct SentenceFile {
    #[serde(default)]
    max_seq_length: Option<usize>,
}

/// The window that the sentence model was made with, in tokens.
pub(super) fn read_window(folder: &Path) -> Result<Option<usize>, EmbedError> {
    let file = read_if_there::<SentenceFile>(&folder.join("sentence_bert_config.json"))?;
    Ok(file.and_then(|file| file.max_seq_length))
}

#[derive(Deserialize)]
struct PromptsFile {
    /// By name; `null` is nothing.
    #[serde(default)]
    prompts: BTreeMap<String, Option<String>>,
    #[serde(default)]
    default_prompt_name: Option<String>,
}

/// What goes in front of texts, by the names that sentence-transformers looks
/// for, else the folder's default.
pub(super) fn read_prompts(folder: &Path) -> Result<Prompts, EmbedError> {
    let path = folder.join("config_sentence_transformers.json");
    let Some(file) = read_if_there::<PromptsFile>(&path)? else { return Ok(Prompts::default()) };
    let default = match &file.default_prompt_name {
        None => None,
        Some(name) if file.prompts.contains_key(name) => Some(name.as_str()),
        Some(_) => {
            let reason = "its default_prompt_name is none of its prompts".to_owned();
            return Err(EmbedError::ModelFile { path, reason });
        }
    };
    let find = |names: &[&'static str]| {
        let name = names.iter().copied().find(|&name| file.prompts.contains_key(name)).or(default)?;
        file.prompts.get(name)?.clone()
    };
    Ok(Prompts {
        question: find(&["query"]).unwrap_or_default(),
        passage: find(&["document", "passage", "corpus"]).unwrap_or_default(),
    })
}
