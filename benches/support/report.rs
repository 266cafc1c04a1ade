//! A table for people and a JSON file for programs, of the same numbers.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::Result;

/// A benchmark's results.
pub struct Report {
    name: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<(String, Vec<f64>)>,
    facts: Vec<(&'static str, Value)>,
}

impl Report {
    /// An empty one with these columns of numbers.
    pub fn new(name: &'static str, columns: &[&'static str]) -> Self {
        Self { name, columns: columns.to_vec(), rows: Vec::new(), facts: Vec::new() }
    }

    /// Adds a row; NaN stands for a number that there is not.
    pub fn row(&mut self, label: impl Into<String>, numbers: &[f64]) {
        self.rows.push((label.into(), numbers.to_vec()));
    }

    /// Adds what stands below the table.
    pub fn fact(&mut self, name: &'static str, value: impl Into<Value>) {
        self.facts.push((name, value.into()));
    }

    /// Prints the table and writes `target/bench/NAME.json`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> Result<()> {
        println!("\n{:<28}{}", self.name, self.columns.iter().map(|name| format!("{name:>14}")).collect::<String>());
        for (label, numbers) in &self.rows {
            println!("{label:<28}{}", numbers.iter().map(|number| shown(*number)).collect::<String>());
        }
        let machine = machine();
        for (name, value) in self.facts.iter().chain([&("machine", machine.clone())]) {
            println!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
        let rows: Vec<Value> = self.rows.iter().map(|(label, numbers)| self.row_json(label, numbers)).collect();
        let facts: serde_json::Map<String, Value> =
            self.facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let report = json!({ "benchmark": self.name, "machine": machine, "rows": rows, "facts": facts });
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}.json", self.name));
        std::fs::write(&path, format!("{report:#}\n"))?;
        println!("wrote {}", path.display());
        Ok(())
    }

    fn row_json(&self, label: &str, numbers: &[f64]) -> Value {
        let mut row = serde_json::Map::from_iter([("what".to_owned(), json!(label))]);
        row.extend(self.columns.iter().zip(numbers).map(|(name, number)| ((*name).to_owned(), json!(number))));
        Value::Object(row)
    }
}

fn shown(number: f64) -> String {
    match number {
        _ if number.is_nan() => format!("{:>14}", "-"),
        _ if number.abs() >= 1_000.0 => format!("{number:>14.0}"),
        _ => format!("{number:>14.3}"),
    }
}

/// Cores and processor, as far as the system says.
fn machine() -> Value {
    let cores = cores();
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    json!(format!("{cores} cores, {}", model.map_or("unknown", |(_, model)| model)))
}

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
