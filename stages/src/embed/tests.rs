//! The promises that every provider is held to.

use super::*;

#[test]
fn an_answer_that_breaks_a_promise_is_refused() {
    let good = vec![0.6f32, 0.8];
    assert!(check_vectors(&[good.clone(), good.clone()], 2, 2).is_ok());
    assert!(matches!(
        check_vectors(std::slice::from_ref(&good), 2, 2),
        Err(EmbedError::Count { expected: 2, found: 1 })
    ));
    for bad in
        [vec![1.0], vec![0.6, 0.8, 0.0], vec![0.0, 0.0], vec![f32::NAN, 1.0], vec![f32::INFINITY, 0.0], vec![0.5, 0.8]]
    {
        let error = check_vectors(&[good.clone(), bad], 2, 2).unwrap_err();
        assert!(matches!(error, EmbedError::Vector { index: 1, .. }), "{error}");
    }
}
