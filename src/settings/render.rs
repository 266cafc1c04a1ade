//! The settings for people and programs: `docmill config`, the README's
//! tables, and `.env.example`, all from the same rows.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::row::{Area, Row};
use super::{Loaded, table};

/// What `docmill config` prints: every setting, its value, and where it was
/// found.
pub fn config_text(loaded: &Loaded) -> String {
    let mut text = String::new();
    let width = loaded.entries.iter().map(|entry| entry.row.name.len()).max().unwrap_or(0);
    for area in Area::ALL {
        let entries: Vec<_> = loaded.entries.iter().filter(|entry| entry.row.area == area).collect();
        if entries.is_empty() {
            continue;
        }
        line(&mut text, format_args!("# {}", area.title()));
        for entry in entries {
            line(&mut text, format_args!("{:width$}  {}  ({})", entry.row.name, or_dash(&entry.shown), entry.origin));
        }
        line(&mut text, format_args!(""));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// What `docmill config --json` prints.
pub fn config_json(loaded: &Loaded) -> Value {
    let settings: Vec<Value> = loaded
        .entries
        .iter()
        .map(|entry| {
            json!({
                "name": entry.row.name,
                "value": entry.shown,
                "from": entry.origin.to_string(),
                "default": entry.row.default,
                "unit": entry.row.unit,
                "secret": entry.row.secret,
                "area": entry.row.area.title(),
                "help": entry.row.help.trim(),
            })
        })
        .collect();
    json!({ "settings": settings, "warnings": loaded.warnings })
}

/// The README's tables, one an area, in Markdown.
pub fn markdown() -> String {
    let mut text = String::new();
    for area in Area::ALL {
        line(&mut text, format_args!("### {}\n\n| Setting | Default | What it does |\n|---|---|---|", area.title()));
        for row in table::rows().filter(|row| row.area == area) {
            let default = if row.default.is_empty() { String::new() } else { format!("`{}`", row.default) };
            line(&mut text, format_args!("| `{}` | {default} | {} |", row.name, explained(row)));
        }
        line(&mut text, format_args!(""));
    }
    text
}

/// The text of `.env.example`.
pub fn env_example() -> String {
    let mut text = String::from(
        "# docmill's settings: copy this file to .env and uncomment what you change.\n\
         # The environment wins over .env, and flags win over both. A value ends at\n\
         # the line's end or before a blank and #; in '...' all stands for itself.\n",
    );
    for area in Area::ALL {
        line(&mut text, format_args!("\n# --- {} ---", area.title()));
        for row in table::rows().filter(|row| row.area == area) {
            line(&mut text, format_args!("\n# {}\n# {}={}", explained(row), row.name, row.default));
        }
    }
    text
}

/// Help, unit and other names of a setting.
fn explained(row: &Row) -> String {
    let mut text = row.help.trim().to_owned();
    if !row.unit.is_empty() {
        text.push_str(&format!(" ({})", row.unit));
    }
    for alias in row.aliases {
        text.push_str(&format!("; also {alias}"));
    }
    text
}

fn or_dash(shown: &str) -> &str {
    if shown.is_empty() { "-" } else { shown }
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _infallible = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    const BEGIN: &str = "<!-- settings -->\n";
    const END: &str = "<!-- /settings -->";

    /// Compares a tracked file with what it should be; with `UPDATE_DOCS=1`
    /// writes it instead.
    fn hold(file: &str, expected: impl FnOnce(&str) -> String) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
        let actual = std::fs::read_to_string(&path).unwrap_or_default();
        let expected = expected(&actual);
        if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
            std::fs::write(&path, expected).unwrap();
        } else {
            assert!(actual == expected, "{file} is behind the settings: run UPDATE_DOCS=1 cargo test -p docmill --lib");
        }
    }

    #[test]
    fn the_readme_holds_the_table_of_settings() {
        hold("README.md", |actual| {
            let (before, rest) = actual.split_once(BEGIN).expect("README.md has a <!-- settings --> line");
            let (_, after) = rest.split_once(END).expect("README.md has a <!-- /settings --> line");
            format!("{before}{BEGIN}\n{}{END}{after}", markdown())
        });
    }

    #[test]
    fn the_example_file_holds_every_setting() {
        hold(".env.example", |_| env_example());
    }

    #[test]
    fn the_example_file_can_be_used_as_it_is() {
        use crate::settings::{dotenv::DotEnv, load_from, source};
        let uncommented: String = env_example()
            .lines()
            .filter_map(|line| line.strip_prefix("# ").filter(|line| line.contains('=') && !line.contains(". ")))
            .filter(|line| line.split('=').next().is_some_and(|name| table::find(name).is_some()))
            .map(|line| format!("{line}\n"))
            .collect();
        let nothing = source::MapSource::default();
        let dot_env = DotEnv::parse(&uncommented, &nothing);
        assert_eq!(dot_env.names().count(), table::rows().count());
        let loaded = load_from(&source::Flags::default(), &nothing, &dot_env, 2).unwrap();
        assert_eq!(loaded.warnings, Vec::<String>::new());
    }
}
