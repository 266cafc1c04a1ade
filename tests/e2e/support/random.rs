//! Random numbers for tests: printed, and settable by `DOCMILL_TEST_SEED`.

/// What a test draws from if nobody sets another seed.
const SEED: u64 = 20_261;

/// The seed of this test run. It is printed, so a failure names it.
pub(crate) fn seed() -> u64 {
    let seed = match std::env::var("DOCMILL_TEST_SEED") {
        Ok(text) => text.parse().expect("DOCMILL_TEST_SEED is a whole number"),
        Err(_) => SEED,
    };
    eprintln!("seed: {seed} (set DOCMILL_TEST_SEED for another)");
    seed
}

/// Whether the long forms of the tests are wanted (`DOCMILL_SOAK=1`).
pub(crate) fn is_soak() -> bool {
    std::env::var("DOCMILL_SOAK").is_ok_and(|text| !text.is_empty() && text != "0")
}
