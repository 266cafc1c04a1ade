//! Fingerprints: what an output was made with, so that it is known when it
//! has to be made again.

use sha2::{Digest as _, Sha256};

/// One fingerprint of several parts, in hex. Each part goes in with its
/// length, so no two lists of parts give the same bytes.
pub fn combine(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hex::encode(&hasher.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(combine(&["ab", "c"]), combine(&["a", "bc"]));
        assert_eq!(combine(&["a"]).len(), 32);
    }
}
