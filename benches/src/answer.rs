//! The measurements: one answer per question and setting, one row per contender, one sample per round.

use serde::Serialize;

/// The answer to one question in one setting.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The question's name on the command line.
    pub question: &'static str,
    /// The setting, for a heading.
    pub setting: String,
    /// The number of consumers, if items are shared between threads.
    pub threads: Option<usize>,
    /// The unit of the samples.
    pub unit: &'static str,
    /// The contenders, ours first.
    pub rows: Vec<Row>,
}

impl Answer {
    /// Returns the row of `contender`, or `None` if it did not take part.
    pub fn row(&self, contender: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.contender == contender)
    }

    /// Returns the ratio of `contender` to `other`: the median of the ratios of each round.
    ///
    /// The ratio of the medians would be less exact: in each round the two ran one after the other, so a disturbance of
    /// one is likely to have disturbed the other as well.
    pub fn ratio(&self, contender: &str, other: &str) -> Option<f64> {
        let (row, other) = (self.row(contender)?, self.row(other)?);
        // Both may be 0, as with allocations: the ratio is then 1, not NaN.
        let ratio = |(&a, &b): (&f64, &f64)| if a.total_cmp(&b).is_eq() { 1.0 } else { a / b };
        let ratios = row.samples.iter().zip(&other.samples).map(ratio);
        Some(quantile(&sorted(ratios), 0.5))
    }
}

/// The samples of one contender.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The contender's name.
    pub contender: &'static str,
    /// One sample per round, in the order of the rounds.
    pub samples: Vec<f64>,
}

impl Row {
    /// Creates a row without samples.
    pub const fn new(contender: &'static str) -> Self {
        Self { contender, samples: Vec::new() }
    }

    /// Returns the minimum, the quartiles and the maximum.
    pub fn spread(&self) -> Spread {
        let sorted = sorted(self.samples.iter().copied());
        let [min, lower, median, upper, max] = [0.0, 0.25, 0.5, 0.75, 1.0].map(|q| quantile(&sorted, q));
        Spread { min, lower, median, upper, max }
    }

    /// Returns the median of the samples.
    pub fn median(&self) -> f64 {
        self.spread().median
    }
}

/// The distribution of the samples of a row.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    /// The minimum.
    pub min: f64,
    /// The lower quartile.
    pub lower: f64,
    /// The median.
    pub median: f64,
    /// The upper quartile.
    pub upper: f64,
    /// The maximum.
    pub max: f64,
}

fn sorted(samples: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut samples: Vec<_> = samples.collect();
    samples.sort_by(f64::total_cmp);
    samples
}

/// Returns the `q`-quantile, interpolated linearly between two samples.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index into some dozen samples"
)]
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = last as f64 * q;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (position - position.floor())
}
