//! The few things that we take from a page's JSON-LD.

use serde_json::Value;

/// Larger scripts are not read, in bytes.
const SCRIPT_BYTES_MAX: usize = 1 << 20;

/// What all of a page's JSON-LD says together; the first word counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct JsonLd {
    /// Names of the first `BreadcrumbList`, in order.
    pub(super) breadcrumbs: Vec<String>,
    /// The first `dateModified`.
    pub(super) modified: Option<String>,
}

impl JsonLd {
    /// Reads the texts of the scripts; one that is no JSON says nothing.
    pub(super) fn read(scripts: &[&str]) -> Self {
        let mut found = Self::default();
        for script in scripts.iter().filter(|script| script.len() <= SCRIPT_BYTES_MAX) {
            // The parser ends at 128 levels of nesting by itself.
            if let Ok(value) = serde_json::from_str::<Value>(script) {
                found.read_value(&value);
            }
        }
        found
    }

    /// A thing, a list of things, or a thing with a `@graph` of things.
    fn read_value(&mut self, value: &Value) {
        let things = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for thing in things {
            self.read_thing(thing);
            for inner in thing.get("@graph").and_then(Value::as_array).into_iter().flatten() {
                self.read_thing(inner);
            }
            if let Some(list) = thing.get("breadcrumb") {
                self.read_thing(list);
            }
        }
    }

    fn read_thing(&mut self, thing: &Value) {
        if self.breadcrumbs.is_empty() && has_type(thing, "BreadcrumbList") {
            self.breadcrumbs = names(thing);
        }
        if self.modified.is_none() {
            self.modified = thing.get("dateModified").and_then(Value::as_str).map(str::to_owned);
        }
    }
}

fn has_type(thing: &Value, name: &str) -> bool {
    match thing.get("@type") {
        Some(Value::String(kind)) => kind == name,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == name),
        _ => false,
    }
}

fn names(list: &Value) -> Vec<String> {
    let items = list.get("itemListElement").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut placed: Vec<(f64, &str)> = items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| {
            let name = item.get("name").or_else(|| item.get("item")?.get("name"))?.as_str()?;
            Some((position(item).unwrap_or(index as f64 + 1.0), name))
        })
        .collect();
    placed.sort_by(|one, other| one.0.total_cmp(&other.0));
    placed.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// A number, or a number as text.
fn position(item: &Value) -> Option<f64> {
    match item.get("position")? {
        Value::String(text) => text.trim().parse().ok(),
        number => number.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(script: &str, breadcrumbs: &[&str], modified: Option<&str>) {
        let found = JsonLd::read(&[script]);
        assert_eq!(found.breadcrumbs, breadcrumbs, "{script}");
        assert_eq!(found.modified.as_deref(), modified, "{script}");
    }

    #[test]
    fn lists_are_found_wherever_sites_put_them() {
        let list = r#"{"@type":"BreadcrumbList","itemListElement":[
            {"position":2,"name":"B"},{"position":"1","item":{"name":"A"}},{"position":3,"item":"u"},{"position":10,"name":"C"}]}"#;
        check(list, &["A", "B", "C"], None);
        check(&format!("[{{}},{list}]"), &["A", "B", "C"], None);
        check(
            &format!(r#"{{"@graph":[{list},{{"dateModified":"2024-01-02"}}]}}"#),
            &["A", "B", "C"],
            Some("2024-01-02"),
        );
        check(&format!(r#"{{"@type":["WebPage"],"breadcrumb":{list}}}"#), &["A", "B", "C"], None);
    }

    #[test]
    fn nonsense_says_nothing() {
        let deep = "[".repeat(100_000);
        for script in ["", "{", "null", "1", "[[]]", r#"{"@type":"BreadcrumbList"}"#, r#"{"dateModified":7}"#, &deep] {
            check(script, &[], None);
        }
    }
}
