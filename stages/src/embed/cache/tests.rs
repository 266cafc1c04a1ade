//! The cache on real files, sound and damaged.

use super::damage::with_suffix;
use super::*;
use proptest::prelude::*;
use std::num::NonZeroUsize;

const DIMENSION: usize = 64;

fn model(fingerprint: &str) -> ModelInfo {
    ModelInfo {
        name: "test".to_owned(),
        dimension: DIMENSION,
        window: NonZeroUsize::new(8).unwrap(),
        fingerprint: fingerprint.to_owned(),
    }
}

fn open(path: &Path) -> OpenedCache {
    VectorCache::open(path, &model("m"), 100).unwrap()
}

/// A vector of length 1, another for each number.
fn vector(number: usize) -> Vec<f32> {
    let mut vector: Vec<f32> = (0..DIMENSION).map(|index| ((index * 31 + number * 17) % 101) as f32 - 50.0).collect();
    let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|value| *value /= norm);
    vector
}

fn hash(number: usize) -> TextHash {
    text_hash(&number.to_string())
}

fn put(cache: &VectorCache, numbers: std::ops::Range<usize>) {
    cache.put_many(numbers.map(|number| (hash(number), vector(number))).collect());
    cache.flush().unwrap();
}

fn bytes_of(vector: &[f32]) -> Vec<u32> {
    vector.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn what_was_put_is_found_to_the_last_bit_also_by_the_next_run_and_by_no_other_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.db");
    put(&open(&path).cache, 0..3);
    let next = open(&path);
    assert_eq!(next.set_aside, None);
    let found = next.cache.get_many(&[hash(2), hash(9), hash(0)]).unwrap();
    assert_eq!(bytes_of(found[0].as_ref().unwrap()), bytes_of(&vector(2)));
    assert_eq!(bytes_of(found[2].as_ref().unwrap()), bytes_of(&vector(0)));
    assert!(found[1].is_none());
    let other = VectorCache::open(&path, &model("other"), 100).unwrap().cache;
    assert_eq!(other.get_many(&[hash(0)]).unwrap(), [None]);
}

#[test]
fn a_stored_vector_that_cannot_be_the_models_counts_as_absent_and_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.db");
    let cache = open(&path).cache;
    put(&cache, 0..4);
    let mut short = encode(&vector(0));
    short.pop();
    let changes: [(usize, Vec<u8>); 3] = [(0, short), (1, vec![0; DIMENSION * 4]), (2, vec![0xff; DIMENSION * 4])];
    for (number, blob) in changes {
        cache
            .writer
            .call_blocking(move |db| {
                let changed =
                    db.execute("UPDATE vectors SET vector = ?2 WHERE text_hash = ?1", params![hash(number), blob])?;
                assert_eq!(changed, 1);
                Ok(())
            })
            .unwrap();
    }
    let found = cache.get_many(&[hash(0), hash(1), hash(2), hash(3)]).unwrap();
    assert_eq!(found, [None, None, None, Some(vector(3))]);
    put(&cache, 0..1);
    assert_eq!(cache.get_many(&[hash(0)]).unwrap(), [Some(vector(0))]);
    cache.put_many(vec![(hash(7), vec![0.0; DIMENSION]), (hash(8), vec![1.0])]);
    cache.flush().unwrap();
    assert_eq!(cache.get_many(&[hash(7), hash(8)]).unwrap(), [None, None]);
}

#[test]
fn the_size_is_bounded_and_what_was_used_last_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.db");
    let mb = |mb_max| VectorCache::open(&path, &model("m"), mb_max).unwrap().cache;
    // A row is 64 * 4 bytes and some: 6,000 of them are over 2 MiB.
    put(&mb(100), 0..6_000);
    let cache = mb(100);
    assert!(cache.get_many(&[hash(1)]).unwrap()[0].is_some());
    cache.flush().unwrap();
    drop(cache);
    let cache = mb(1);
    assert!(std::fs::metadata(&path).unwrap().len() <= 1 << 20, "the file was not made smaller");
    let found = cache.get_many(&[hash(0), hash(1), hash(5_999)]).unwrap();
    assert_eq!(found, [None, Some(vector(1)), Some(vector(5_999))]);
    put(&cache, 10_000..16_000);
    let (used, _) = bytes_in_use(&cache.reader.lock().unwrap()).unwrap();
    assert!(used <= 1 << 20, "{used} bytes");
    assert!(cache.get_many(&[hash(15_999)]).unwrap()[0].is_some());
}

#[test]
fn a_damaged_file_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.db");
    std::fs::write(&path, b"this is no database, and long enough to have a header of one".repeat(9)).unwrap();
    let opened = open(&path);
    let aside = opened.set_aside.expect("set aside");
    assert!(aside.exists());
    put(&opened.cache, 0..1);
    drop(opened.cache);
    assert_eq!(open(&path).set_aside, None);
}

#[test]
fn damage_that_shows_later_costs_this_run_and_is_gone_in_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.db");
    let cache = open(&path).cache;
    put(&cache, 0..2_000);
    drop(cache);
    // The writer's thread checkpoints when it closes; wait for it.
    while with_suffix(&path, "-wal").exists() {
        std::thread::yield_now();
    }
    let mut bytes = std::fs::read(&path).unwrap();
    let start = bytes.len() / 4;
    bytes[start..].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let all: Vec<TextHash> = (0..2_000).map(hash).collect();
    let damaged = VectorCache::open(&path, &model("m"), 100).unwrap();
    if damaged.set_aside.is_none() {
        assert!(damaged.cache.get_many(&all).is_err());
    }
    drop(damaged);
    let next = open(&path).cache;
    assert!(next.get_many(&all).unwrap().iter().all(Option::is_none));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn no_blob_makes_it_panic(blob in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Some(vector) = decode(&blob, DIMENSION) {
            prop_assert_eq!(encode(&vector), blob);
        }
    }
}

#[test]
fn a_file_that_is_cut_short_costs_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.db");
    let whole = folder.path().join("whole.db");
    put(&open(&whole).cache, 0..2_000);
    while with_suffix(&whole, "-wal").exists() {
        std::thread::yield_now();
    }
    let bytes = std::fs::read(&whole).unwrap();
    for length in [0, 1, 100, 4_096, 5_000, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let all: Vec<TextHash> = (0..2_000).map(hash).collect();
        // This run may find nothing, but no wrong vector either.
        if let Ok(found) = open(&path).cache.get_many(&all) {
            for (number, vector_found) in found.iter().enumerate() {
                assert!(vector_found.as_ref().is_none_or(|found| *found == vector(number)), "{length}");
            }
        }
        while with_suffix(&path, "-wal").exists() {
            std::thread::yield_now();
        }
        let next = open(&path).cache;
        put(&next, 0..1);
        assert_eq!(next.get_many(&[hash(0)]).unwrap(), [Some(vector(0))], "{length}");
        drop(next);
        while with_suffix(&path, "-wal").exists() {
            std::thread::yield_now();
        }
    }
}
