//! A disk of so many bytes, which is full soon. Linux, as root.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A tmpfs that is mounted on a folder until it is dropped.
pub(crate) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts one. Where this user may not, this says so loudly and is `None`
    /// (the test then ends).
    pub(crate) fn mount(folder: &Path, kib: u64) -> Option<Self> {
        std::fs::create_dir_all(folder).expect("a folder to mount on");
        let size = format!("size={kib}k");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { folder: folder.to_owned() }),
            other => {
                eprintln!("SKIPPED: this test mounts a small disk, which this user may not: {other:?}");
                None
            }
        }
    }

    /// Gives it another size; what is there stays.
    pub(crate) fn resize(&self, kib: u64) {
        let size = format!("remount,size={kib}k");
        let status = Command::new("mount").args(["-o", &size]).arg(&self.folder).status();
        assert!(status.is_ok_and(|status| status.success()), "cannot make {} larger", self.folder.display());
    }

    /// Takes all the room that is left.
    pub(crate) fn fill(&self) {
        let chunk = vec![7_u8; 4096];
        let mut filler = std::fs::File::create(self.folder.join("filler")).expect("a file can be made");
        while std::io::Write::write_all(&mut filler, &chunk).is_ok() {}
    }

    /// Gives it back.
    pub(crate) fn make_room(&self) {
        std::fs::remove_file(self.folder.join("filler")).expect("the filler is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: it goes even where something still has a file open there.
        let unmounted = Command::new("umount").arg("-l").arg(&self.folder).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} is still mounted", self.folder.display());
        }
    }
}
