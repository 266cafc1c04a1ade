//! The port that the handbook is served on: the same one every time, for a
//! page's URL is its identity, and a page under another port is another page.

use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use super::DemoError;

/// The port that is tried first; it is registered for nothing well known.
pub(super) const PREFERRED: u16 = 7375;
/// The file that remembers the port: its digits and a line's end.
const FILE: &str = "port";
/// Lower ports are not for programs like this one.
const PORT_MIN: u16 = 1_024;

/// A port that is listened on.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) listener: TcpListener,
    pub(super) port: u16,
    /// What a person should know, if anything.
    pub(super) note: Option<String>,
}

/// Listens on the port that `folder` remembers, else on `preferred`, else on
/// any; and remembers it. Makes the folder if it is not there.
pub(super) fn bind(folder: &Path, preferred: u16) -> Result<Bound, DemoError> {
    let remembered = remembered(folder);
    let candidates = remembered.into_iter().chain([preferred]);
    let listener = candidates.into_iter().find_map(|port| listen(port).ok());
    let listener = listener.map_or_else(|| listen(0), Ok);
    let failed = |source| DemoError::Listen { source };
    let listener = listener.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    if remembered != Some(port) {
        remember(folder, port)?;
    }
    let note = remembered.filter(|before| *before != port).map(|before| {
        format!(
            "port {before}, where the handbook was served before, is in use by another program; \
             on port {port} its pages are new ones"
        )
    });
    Ok(Bound { listener, port, note })
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

/// The port in the file; `None` where there is none, or it says nothing that
/// makes sense.
fn remembered(folder: &Path) -> Option<u16> {
    let mut text = String::new();
    fs::File::open(folder.join(FILE)).ok()?.take(16).read_to_string(&mut text).ok()?;
    // Without its end it was cut short.
    text.strip_suffix('\n')?.parse().ok().filter(|port| *port >= PORT_MIN)
}

fn remember(folder: &Path, port: u16) -> Result<(), DemoError> {
    let path = folder.join(FILE);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, format!("{port}\n")));
    written.map_err(|source| DemoError::Remember { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port that was free a moment ago.
    fn free_port() -> u16 {
        listen(0).unwrap().local_addr().unwrap().port()
    }

    #[test]
    fn the_same_port_is_taken_again() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("not/yet");
        let first = bind(&folder, free_port()).unwrap();
        let port = first.port;
        drop(first);
        let again = bind(&folder, free_port()).unwrap();
        assert_eq!((again.port, again.note), (port, None));
    }

    #[test]
    fn a_preferred_port_in_use_is_passed_over_and_the_other_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let other = listen(0).unwrap();
        let taken = other.local_addr().unwrap().port();
        let first = bind(folder.path(), taken).unwrap();
        assert!(first.port != taken && first.note.is_none());
        let port = first.port;
        drop((first, other));
        assert_eq!(bind(folder.path(), taken).unwrap().port, port, "its pages are known there");
    }

    #[test]
    fn a_remembered_port_in_use_makes_the_pages_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        let other = bind(folder.path(), free_port()).unwrap();
        let bound = bind(folder.path(), free_port()).unwrap();
        assert_ne!(bound.port, other.port);
        let note = bound.note.unwrap();
        assert!(note.contains(&other.port.to_string()) && note.contains(&bound.port.to_string()), "{note}");
        assert_eq!(remembered(folder.path()), Some(bound.port));
    }

    #[test]
    fn a_file_that_makes_no_sense_is_as_if_not_there() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "7375", "73", "80\n", "99999\n", "-1\n", "7375\n7375\n", "seven\n", "é\n"] {
            fs::write(folder.path().join(FILE), text).unwrap();
            assert_eq!(remembered(folder.path()), None, "{text:?}");
        }
        fs::write(folder.path().join(FILE), [0xff, b'\n']).unwrap();
        assert_eq!(remembered(folder.path()), None);
        fs::write(folder.path().join(FILE), "7375\n").unwrap();
        assert_eq!(remembered(folder.path()), Some(7_375));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let error = bind(&folder.path().join("file"), 0).unwrap_err();
        assert!(error.to_string().contains("DATA_DIR"), "{error}");
    }
}
