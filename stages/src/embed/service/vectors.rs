//! From numbers on the wire to vectors of length 1.

/// The vectors in the order of their texts: exactly one for each.
///
/// # Errors
/// An index that is doubled, missing or not asked for.
pub(super) fn by_index(found: impl Iterator<Item = (usize, Vec<f64>)>, count: usize) -> Result<Vec<Vec<f64>>, String> {
    let mut vectors: Vec<Option<Vec<f64>>> = vec![None; count];
    for (index, vector) in found {
        let place = vectors.get_mut(index).ok_or_else(|| format!("it has a vector for text {index} of {count}"))?;
        if place.replace(vector).is_some() {
            return Err(format!("it has two vectors for text {index}"));
        }
    }
    let missing = vectors.iter().position(Option::is_none);
    match missing {
        Some(index) => Err(format!("it has none for text {index} of {count}")),
        None => Ok(vectors.into_iter().flatten().collect()),
    }
}

/// The vector with length 1; `None` where it has no direction.
pub(super) fn normalised(vector: &[f64]) -> Option<Vec<f32>> {
    let length = vector.iter().map(|component| component * component).sum::<f64>().sqrt();
    if !length.is_finite() || length < f64::MIN_POSITIVE {
        return None;
    }
    Some(vector.iter().map(|component| (component / length) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_is_doubled_missing_or_extra_is_an_error() {
        let of = |indices: &[usize]| by_index(indices.iter().map(|&index| (index, vec![index as f64])), 2);
        assert_eq!(of(&[1, 0]).unwrap(), [vec![0.0], vec![1.0]]);
        assert!(of(&[0, 0]).unwrap_err().contains("two vectors for text 0"));
        assert!(of(&[0]).unwrap_err().contains("none for text 1"));
        assert!(of(&[0, 1, 2]).unwrap_err().contains("text 2 of 2"));
        assert!(of(&[usize::MAX]).is_err());
    }

    #[test]
    fn vectors_have_length_1_or_none() {
        assert_eq!(normalised(&[3.0, -4.0]).unwrap(), [0.6, -0.8]);
        assert_eq!(normalised(&[1e-30, 0.0]).unwrap(), [1.0, 0.0]);
        for wrong in [&[0.0, 0.0][..], &[], &[f64::NAN, 1.0], &[f64::INFINITY], &[1e300, 1e300]] {
            assert_eq!(normalised(wrong), None, "{wrong:?}");
        }
    }
}
