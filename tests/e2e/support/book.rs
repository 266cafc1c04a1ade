//! The Rust book, which comes with the toolchain: real documentation that is
//! there without a network.

use std::path::PathBuf;
use std::process::Command;

/// The folder of the book's HTML. Where the toolchain was installed without
/// documentation this says so loudly and is `None`; where `CI` is set it is a
/// failure.
pub(crate) fn folder() -> Option<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = output.ok().filter(|output| output.status.success()).and_then(|output| {
        let text = String::from_utf8(output.stdout).ok()?;
        Some(PathBuf::from(text.trim()))
    });
    let folder = sysroot.map(|sysroot| sysroot.join("share/doc/rust/html/book")).filter(|folder| folder.is_dir());
    if folder.is_none() {
        assert!(std::env::var_os("CI").is_none(), "the Rust book is not there: rustup component add rust-docs");
        eprintln!("SKIPPED: this test needs the Rust book: rustup component add rust-docs");
    }
    folder
}
