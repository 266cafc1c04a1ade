//! What came of it: chunks a second, ratios, and how alike the vectors are.

use std::fmt;

use serde_json::{Value, json};

/// One side's pass over all texts.
pub(crate) struct Round {
    pub(crate) seconds: f64,
    pub(crate) vectors: Vec<Vec<f32>>,
}

/// A side with its rounds.
pub(crate) struct Side {
    name: &'static str,
    /// The most that its process held, in MiB, where the system says.
    pub(crate) memory: Option<u64>,
    seconds: Vec<f64>,
    /// Of the first round.
    vectors: Vec<Vec<f32>>,
    /// Whether every round gave the same bits.
    is_steady: bool,
}

impl Side {
    pub(crate) fn new(name: &'static str, memory: Option<u64>) -> Self {
        Self { name, memory, seconds: Vec::new(), vectors: Vec::new(), is_steady: true }
    }

    pub(crate) fn add(&mut self, round: Round) {
        self.seconds.push(round.seconds);
        if self.vectors.is_empty() {
            self.vectors = round.vectors;
        } else {
            let bits = |vectors: &[Vec<f32>]| vectors.iter().flatten().map(|part| part.to_bits()).collect::<Vec<_>>();
            self.is_steady &= bits(&self.vectors) == bits(&round.vectors);
        }
    }

    fn median_seconds(&self) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
    }
}

/// All sides; docmill's 32 bits, its 8 bits, then sentence-transformers if it
/// was measured.
pub(crate) struct Report {
    pub(crate) chunks: usize,
    pub(crate) tokens: usize,
    pub(crate) cores: usize,
    pub(crate) sides: Vec<Side>,
}

impl Report {
    /// Mean and least cosine of two sides' vectors.
    fn cosines(&self, one: usize, other: usize) -> Option<(f64, f64)> {
        let (one, other) = (&self.sides.get(one)?.vectors, &self.sides.get(other)?.vectors);
        let cosines: Vec<f64> = one.iter().zip(other).map(|(one, other)| cosine(one, other)).collect();
        let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
        Some((mean, cosines.iter().copied().fold(f64::INFINITY, f64::min)))
    }

    /// The pairs whose vectors are compared.
    fn pairs(&self) -> Vec<(String, f64, f64)> {
        [(1, 0), (0, 2)]
            .into_iter()
            .filter_map(|(one, other)| {
                let (mean, min) = self.cosines(one, other)?;
                Some((format!("{} to {}", self.sides[one].name, self.sides[other].name), mean, min))
            })
            .collect()
    }

    /// Chunks a second of a side, and how often that of the last one.
    fn speed(&self, side: &Side) -> (f64, Option<f64>) {
        let speed = |side: &Side| self.chunks as f64 / side.median_seconds();
        (speed(side), self.sides.get(2).map(|rival| speed(side) / speed(rival)))
    }

    pub(crate) fn json(&self) -> Value {
        let sides = self.sides.iter().map(|side| {
            let (chunks_per_second, ratio) = self.speed(side);
            json!({
                "name": side.name,
                "seconds": side.seconds,
                "chunks_per_second": chunks_per_second,
                "tokens_per_second": self.tokens as f64 / side.median_seconds(),
                "ratio_to_sentence_transformers": ratio,
                "same_bits_each_round": side.is_steady,
                "peak_memory_mib": side.memory,
            })
        });
        let sides: Vec<Value> = sides.collect();
        let cosines: Vec<Value> = self
            .pairs()
            .into_iter()
            .map(|(pair, mean, min)| json!({ "pair": pair, "mean": mean, "min": min }))
            .collect();
        json!({ "chunks": self.chunks, "tokens": self.tokens, "cores": self.cores, "sides": sides, "cosines": cosines })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounds = self.sides.first().map_or(0, |side| side.seconds.len());
        writeln!(
            out,
            "\n{} chunks, {} tokens, {} cores; medians of {rounds} rounds\n",
            self.chunks, self.tokens, self.cores
        )?;
        writeln!(
            out,
            "{:22} {:>10} {:>10} {:>7} {:>9}  same bits each round",
            "", "chunks/s", "tokens/s", "ratio", "peak MiB"
        )?;
        for side in &self.sides {
            let (speed, ratio) = self.speed(side);
            let tokens = self.tokens as f64 / side.median_seconds();
            let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
            let memory = side.memory.map_or_else(|| "-".to_owned(), |memory| memory.to_string());
            let steady = if side.is_steady { "yes" } else { "no" };
            writeln!(out, "{:22} {speed:>10.1} {tokens:>10.0} {ratio:>7} {memory:>9}  {steady}", side.name)?;
        }
        writeln!(out, "\n{:40} {:>9} {:>9}", "cosine", "mean", "min")?;
        for (pair, mean, min) in self.pairs() {
            writeln!(out, "{pair:40} {mean:>9.6} {min:>9.6}")?;
        }
        Ok(())
    }
}

fn cosine(one: &[f32], other: &[f32]) -> f64 {
    let (mut dot, mut ones, mut others) = (0.0, 0.0, 0.0);
    for (&a, &b) in one.iter().zip(other) {
        let (a, b) = (f64::from(a), f64::from(b));
        dot += a * b;
        ones += a * a;
        others += b * b;
    }
    dot / (ones * others).sqrt()
}
