//! All rows, and finding one by a name that may be misspelt.

use super::row::Row;
use super::{actors, chunk, crawl, embed, later, log, neo4j, pipeline, process, storage};

/// The rows of each area.
const AREAS: [&[Row]; 10] = [
    crawl::Crawl::ROWS,
    process::Process::ROWS,
    chunk::Chunk::ROWS,
    embed::Embed::ROWS,
    storage::Storage::ROWS,
    neo4j::Neo4j::ROWS,
    pipeline::Pipeline::ROWS,
    actors::ActorsTyped::ROWS,
    log::Log::ROWS,
    later::ROWS,
];

/// Every setting, area by area.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    AREAS.into_iter().flatten()
}

/// The setting that has `name`, or has it as an alias.
pub fn find(name: &str) -> Option<&'static Row> {
    rows().find(|row| row.name == name || row.aliases.contains(&name))
}

/// The setting's name that somebody who wrote `name` may have meant.
pub fn nearest(name: &str) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase().replace('-', "_");
    let names = rows().flat_map(|row| std::iter::once(row.name).chain(row.aliases.iter().copied()));
    // The cost grows with the product of the lengths; no name is this long.
    if upper.len() > 64 {
        return None;
    }
    let scored = names.map(|known| (strsim::damerau_levenshtein(&upper, known), known));
    scored.min().filter(|(distance, known)| *distance <= (known.len() / 4).clamp(1, 4)).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::row::Area;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_well_formed() {
        let mut seen = HashSet::new();
        for name in rows().flat_map(|row| std::iter::once(&row.name).chain(row.aliases)) {
            assert!(seen.insert(*name), "{name} stands twice");
            assert!(name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'), "{name}");
        }
        assert!(seen.len() > 50);
    }

    #[test]
    fn every_default_is_taken_and_every_row_explained() {
        for row in rows() {
            assert_eq!((row.check)(row.default), Ok(()), "{}", row.name);
            let help = row.help.trim();
            assert!(help.len() > 10 && help.len() < 130 && !help.ends_with('.'), "{}: {help}", row.name);
            assert!(!help.contains(['|', '\n', '<']), "{}: {help} would break the README's table", row.name);
        }
    }

    #[test]
    fn every_area_is_shown() {
        for area in Area::ALL {
            assert!(rows().any(|row| row.area == area), "{area:?}");
        }
        assert_eq!(rows().filter(|row| !Area::ALL.contains(&row.area)).count(), 0);
    }

    #[test]
    fn what_looks_like_a_secret_is_one() {
        for row in rows() {
            let looks = ["PASSWORD", "SECRET", "API_KEY", "_TOKEN"].iter().any(|word| row.name.contains(word))
                && !row.name.contains("TOKENS");
            assert!(row.secret || !looks || row.name == "CHUNK_TOKENS", "{}", row.name);
        }
    }

    #[test]
    fn a_misspelt_name_finds_what_was_meant() {
        assert_eq!(nearest("CHUNK_TOKEN"), Some("CHUNK_TOKENS"));
        assert_eq!(nearest("download-delay"), Some("DOWNLOAD_DELAY"));
        assert_eq!(nearest("SCRAPPER_DEPTH_LIMIT"), Some("SCRAPER_DEPTH_LIMIT"));
        assert_eq!(nearest("PATH"), None);
        assert_eq!(nearest(&"X".repeat(100_000)), None);
    }

    proptest! {
        #[test]
        fn no_value_panics_a_parser(value in prop_oneof![".*", "[0-9.a-z ]{0,40}", "https?://.{0,20}", "[0-9]{15,400}(ms|MiB)?"]) {
            for row in rows() {
                if let Err(right) = (row.check)(value.trim()) {
                    prop_assert!(!right.is_empty());
                }
            }
        }
    }
}
