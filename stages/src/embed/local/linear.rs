//! A linear layer as numbers: what is done to its matrix before it becomes a
//! part of the graph.

/// Exponent of SmoothQuant: how much of an activation's range moves into the
/// weights. 0.7 gave the vectors nearest to those of 32 bits.
const SMOOTHING_ALPHA: f32 = 0.7;
/// Bounds of a smoothing factor, and the least maximum that one is made of: a
/// channel that never speaks must not make it zero or infinite.
const FACTOR_BOUNDS: (f32, f32) = (1e-4, 1e4);
const MAXIMUM_MIN: f32 = 1e-5;
/// Largest value of a symmetric 8-bit weight.
const INT8_MAX: f32 = 127.0;

/// `rows` times the transpose of `weight`, plus `bias`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Linear {
    /// Components of its input.
    pub(super) from: usize,
    /// Components of its output.
    pub(super) to: usize,
    /// `[to, from]`, row by row.
    pub(super) weight: Vec<f32>,
    /// `[to]`.
    pub(super) bias: Vec<f32>,
}

/// A matrix in 8 bits: each column has its own scale, and zero stays zero.
#[derive(Debug, PartialEq)]
pub(super) struct Quantised {
    /// `[from, to]`, row by row.
    pub(super) matrix: Vec<i8>,
    /// `[to]`: a weight is its 8 bits times the scale of its column.
    pub(super) scales: Vec<f32>,
}

impl Linear {
    /// The matrix as `[from, to]`, row by row.
    pub(super) fn transposed(&self) -> Vec<f32> {
        transposed(&self.weight, self.from)
    }

    /// SmoothQuant: by what to divide each component of the input, so that
    /// neither activations nor weights have a few components that dwarf the
    /// others. `activation_maxima` are the largest absolute inputs.
    pub(super) fn smoothing_factors(&self, activation_maxima: &[f32]) -> Vec<f32> {
        let mut weight_maxima = vec![0f32; self.from];
        for row in self.weight.chunks_exact(self.from) {
            for (maximum, weight) in weight_maxima.iter_mut().zip(row) {
                *maximum = maximum.max(weight.abs());
            }
        }
        let factor = |(activation, weight): (&f32, &f32)| {
            let activation = activation.max(MAXIMUM_MIN).powf(SMOOTHING_ALPHA);
            let weight = weight.max(MAXIMUM_MIN).powf(1.0 - SMOOTHING_ALPHA);
            (activation / weight).clamp(FACTOR_BOUNDS.0, FACTOR_BOUNDS.1)
        };
        activation_maxima.iter().zip(&weight_maxima).map(factor).collect()
    }

    /// The layer for inputs that were divided by `factors`.
    pub(super) fn for_divided_inputs(mut self, factors: &[f32]) -> Self {
        for row in self.weight.chunks_exact_mut(self.from) {
            for (weight, factor) in row.iter_mut().zip(factors) {
                *weight *= factor;
            }
        }
        self
    }

    /// The layer that gives only these components of the output.
    pub(super) fn with_outputs(&self, outputs: &[usize]) -> Self {
        let row = |&output: &usize| &self.weight[output * self.from..][..self.from];
        Self {
            from: self.from,
            to: outputs.len(),
            weight: outputs.iter().flat_map(row).copied().collect(),
            bias: outputs.iter().map(|&output| self.bias[output]).collect(),
        }
    }

    /// The layer's share that comes of these components of the input, with
    /// the bias.
    pub(super) fn with_inputs(&self, inputs: &[usize]) -> Self {
        let rows = self.weight.chunks_exact(self.from);
        Self {
            from: inputs.len(),
            to: self.to,
            weight: rows.flat_map(|row| inputs.iter().map(|&input| row[input])).collect(),
            bias: self.bias.clone(),
        }
    }

    /// The matrix in 8 bits.
    pub(super) fn quantised(&self) -> Quantised {
        let mut rows = Vec::with_capacity(self.weight.len());
        let mut scales = Vec::with_capacity(self.to);
        for row in self.weight.chunks_exact(self.from) {
            let largest = row.iter().fold(f32::MIN_POSITIVE, |largest, weight| largest.max(weight.abs()));
            let scale = largest / INT8_MAX;
            // `as` holds what is not a number, or over the bounds, within them.
            rows.extend(row.iter().map(|weight| (weight / scale).round() as i8));
            scales.push(scale);
        }
        Quantised { matrix: transposed(&rows, self.from), scales }
    }
}

/// The transpose of a matrix with `columns` columns.
fn transposed<T: Copy>(matrix: &[T], columns: usize) -> Vec<T> {
    let mut turned = Vec::with_capacity(matrix.len());
    for column in 0..columns {
        turned.extend(matrix.iter().skip(column).step_by(columns));
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linear() -> Linear {
        Linear { from: 3, to: 2, weight: vec![1.0, -2.0, 0.5, 4.0, 0.0, -0.25], bias: vec![0.5, -1.0] }
    }

    fn apply(linear: &Linear, input: &[f32]) -> Vec<f32> {
        let rows = linear.weight.chunks_exact(linear.from).zip(&linear.bias);
        rows.map(|(row, bias)| row.iter().zip(input).map(|(a, b)| a * b).sum::<f32>() + bias).collect()
    }

    #[test]
    fn smoothing_changes_the_numbers_and_not_the_result() {
        let (linear, input) = (linear(), [2.0, 100.0, 0.0]);
        let factors = linear.smoothing_factors(&[2.0, 100.0, 0.0]);
        assert!(factors[1] > factors[0] && factors.iter().all(|factor| factor.is_normal()), "{factors:?}");
        let divided: Vec<f32> = input.iter().zip(&factors).map(|(value, factor)| value / factor).collect();
        let smooth = apply(&linear.clone().for_divided_inputs(&factors), &divided);
        for (found, expected) in smooth.iter().zip(apply(&linear, &input)) {
            assert!((found - expected).abs() < 1e-4, "{found} instead of {expected}");
        }
    }

    #[test]
    fn a_layer_is_the_sum_of_its_parts() {
        let (linear, input) = (linear(), [2.0, 3.0, 4.0]);
        let (mut some, rest) = (linear.with_inputs(&[1]), linear.with_inputs(&[0, 2]));
        some.bias.fill(0.0);
        let sum: Vec<f32> =
            apply(&some, &[3.0]).iter().zip(apply(&rest, &[2.0, 4.0])).map(|(one, other)| one + other).collect();
        assert_eq!(sum, apply(&linear, &input));
        assert_eq!(apply(&linear.with_outputs(&[1]), &input), apply(&linear, &input)[1..]);
    }

    #[test]
    fn eight_bits_are_within_half_a_step_and_zero_is_exact() {
        let linear = linear();
        let Quantised { matrix, scales } = linear.quantised();
        for output in 0..linear.to {
            for input in 0..linear.from {
                let (found, expected) = (
                    f32::from(matrix[input * linear.to + output]) * scales[output],
                    linear.weight[output * linear.from + input],
                );
                assert!((found - expected).abs() <= scales[output] * 0.501, "{found} instead of {expected}");
            }
        }
        assert_eq!(matrix[linear.to + 1], 0);
        let dead = Linear { from: 1, to: 1, weight: vec![0.0], bias: vec![1.0] }.quantised();
        assert!(dead.matrix == [0] && dead.scales[0] >= 0.0);
    }
}
