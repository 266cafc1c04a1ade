//! Tells cargo that the handbook is part of the program: the library that
//! embeds it notices edits, but not files that come or go.

fn main() {
    println!("cargo::rerun-if-changed=data/sample-site");
}
