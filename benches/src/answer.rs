//! What was measured: one answer a question and setting, one row a contender, one sample a round.

use serde::Serialize;

/// The answer to one question in one setting.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The question's name on the command line.
    pub question: &'static str,
    /// What was asked, for a heading.
    pub setting: String,
    /// The consumers, where there are any.
    pub threads: Option<usize>,
    /// What the figures are.
    pub unit: &'static str,
    /// The contenders, ours first.
    pub rows: Vec<Row>,
}

impl Answer {
    /// The row of a contender that took part.
    pub fn row(&self, contender: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.contender == contender)
    }

    /// How `contender` compares with `other`: the median of the rounds' ratios.
    ///
    /// Not the ratio of the medians: the two ran one after the other in each round, so that what disturbed the one is
    /// likely to have disturbed the other.
    pub fn ratio(&self, contender: &str, other: &str) -> Option<f64> {
        let (row, other) = (self.row(contender)?, self.row(other)?);
        // Nothing is as much as nothing: allocations may be none.
        let ratio = |(&a, &b): (&f64, &f64)| if a.total_cmp(&b).is_eq() { 1.0 } else { a / b };
        let ratios = row.samples.iter().zip(&other.samples).map(ratio);
        Some(quantile(&sorted(ratios), 0.5))
    }
}

/// One contender's figures.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub contender: &'static str,
    /// One a round, in the order of the rounds.
    pub samples: Vec<f64>,
}

impl Row {
    /// No figures yet.
    pub const fn new(contender: &'static str) -> Self {
        Self { contender, samples: Vec::new() }
    }

    /// The least, the quartiles and the greatest.
    pub fn spread(&self) -> Spread {
        let sorted = sorted(self.samples.iter().copied());
        let [least, lower, median, upper, greatest] = [0.0, 0.25, 0.5, 0.75, 1.0].map(|q| quantile(&sorted, q));
        Spread { least, lower, median, upper, greatest }
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.spread().median
    }
}

/// How the samples of a row lie.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Spread {
    /// The least of all.
    pub least: f64,
    /// A quarter is below.
    pub lower: f64,
    /// Half are below.
    pub median: f64,
    /// A quarter is above.
    pub upper: f64,
    /// The greatest of all.
    pub greatest: f64,
}

fn sorted(samples: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut samples: Vec<_> = samples.collect();
    samples.sort_by(f64::total_cmp);
    samples
}

/// Between two samples, their mean weighted by nearness.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index into some dozen samples"
)]
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = last as f64 * q;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - place.floor())
}
