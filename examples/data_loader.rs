//! A data loader for training: shuffled batches of a file's rows, epoch after epoch, prepared on all cores.
//!
//! A generator yields the batches. `parallel_map` does the expensive part on all cores: it parses the rows, normalises
//! them, and computes the features. The main thread gets the batches in their order and trains on them, so the output
//! does not depend on the number of threads. The threads are at most two batches each ahead of the training. Ctrl-c
//! closes the generator; the training ends with the batches that were taken until then.
//!
//! ```console
//! $ cargo run --release --example data_loader -- [--epochs N] [--threads N] [FILE]
//! ```
//!
//! A row of the file is `x,y,label`: a point, its coordinates from 0 to 100, and the class that it belongs to, 0 or 1.
//! Without a file, the rows are the points of two spirals. An error in the file is reported with its place:
//!
//! ```console
//! $ printf '50,50,0\n51,5O,1\n' >points.csv
//! $ cargo run --release --example data_loader -- points.csv
//! data_loader: points.csv:2: `5O` is not a number from 0 to 100
//! ```

use std::f64::consts::TAU;
use std::fs::File;
use std::io::{self, Write};
use std::iter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use bpaf::{OptionParser, Parser, construct, positional};
use fastrand::Rng;
use indicatif::ProgressBar;
use threadsafe_gen::{ThreadsafeExt, threadsafe_generator};

/// Rows per batch. The last batch of an epoch may be smaller.
const BATCH: usize = 32;

/// The number of features per point.
const FEATURES: usize = 1_000;

/// A row of the file, as text.
#[derive(Clone)]
struct Row {
    line: usize,
    text: Arc<str>,
}

/// A row as input of the model.
struct Example {
    features: Vec<f64>,
    label: bool,
}

/// Yields the rows in batches, in a new order in each epoch.
#[threadsafe_generator]
fn batches(mut rows: Vec<Row>, epochs: usize) -> impl Iterator<Item = Vec<Row>> {
    let mut random = Rng::with_seed(1);
    for _ in 0..epochs {
        random.shuffle(&mut rows);
        for batch in rows.chunks(BATCH) {
            yield_!(batch.to_vec());
        }
    }
}

/// The work outside the lock. The features of a point are the values of cosine waves across the plane at that point.
fn prepare(Row { line, text }: &Row, waves: &[[f64; 3]], file: &Path) -> Result<Example, String> {
    let (point, label) = parse(text).map_err(|error| format!("{}:{line}: {error}", file.display()))?;
    let [x, y] = point.map(|coordinate| coordinate / 50.0 - 1.0);
    let features = waves.iter().map(|[a, b, phase]| (a * x + b * y + phase).cos()).collect();
    Ok(Example { features, label })
}

fn parse(row: &str) -> Result<([f64; 2], bool), String> {
    // An error shows at most 40 characters of the row.
    let coordinate = |field: &str| {
        let number = field.trim().parse().ok().filter(|number| (0.0..=100.0).contains(number));
        number.ok_or_else(|| format!("`{field:.40}` is not a number from 0 to 100"))
    };
    let fields: Vec<_> = row.split(',').collect();
    let [x, y, label] = fields[..] else { return Err(format!("`{row:.40}` is not of the form `x,y,label`")) };
    let label = match label.trim() {
        "0" => false,
        "1" => true,
        _ => return Err(format!("the label `{label:.40}` is neither 0 nor 1")),
    };
    Ok(([coordinate(x)?, coordinate(y)?], label))
}

/// Logistic regression, by gradient descent.
struct Model {
    weights: Vec<f64>,
}

impl Model {
    /// Learns from one example, and returns the probability that the model assigned to its label before.
    fn learn(&mut self, Example { features, label }: &Example) -> f64 {
        let sum: f64 = iter::zip(&self.weights, features).map(|(weight, feature)| weight * feature).sum();
        let sign = if *label { 1.0 } else { -1.0 };
        let probability = 1.0 / (1.0 + (-sign * sum).exp());
        for (weight, feature) in iter::zip(&mut self.weights, features) {
            *weight += 0.0003 * sign * (1.0 - probability) * feature;
        }
        probability
    }
}

/// Trains on the batches, and prints the result of each epoch.
fn train(
    batches: impl Iterator<Item = Result<Vec<Example>, String>>,
    epochs: usize,
    epoch_rows: usize,
    bar: &ProgressBar,
) -> program::Result {
    let print = |text: String| bar.suspend(|| writeln!(io::stdout(), "{text}"));
    let mut model = Model { weights: vec![0.0; FEATURES] };
    let (mut epoch, mut rows, mut loss, mut correct) = (0, 0_u32, 0.0, 0_u32);
    for batch in batches {
        for example in batch? {
            let probability = model.learn(&example);
            loss -= probability.ln();
            correct += u32::from(probability > 0.5);
            rows += 1;
            bar.inc(1);
        }
        if rows as usize == epoch_rows {
            epoch += 1;
            let (loss_per_row, percent) = (loss / f64::from(rows), 100.0 * f64::from(correct) / f64::from(rows));
            print(format!("epoch {epoch:>2}: loss {loss_per_row:.4}, {percent:.1} % correct"))?;
            (rows, loss, correct) = (0, 0.0, 0);
        }
    }
    let end = if epoch == epochs { "done" } else { "stopped" };
    print(format!("{end} after {} rows, {epoch} of {epochs} epochs", bar.position()))?;
    Ok(())
}

fn read_rows(path: &Path) -> program::Result<Vec<Row>> {
    let file = File::open(path).map_err(program::at(path))?;
    let mut rows = Vec::new();
    for block in program::blocks(file, "row", |byte| byte == b'\n') {
        let block = block.map_err(program::at(path))?;
        for text in String::from_utf8_lossy(&block).lines() {
            rows.push(Row { line: rows.len() + 1, text: text.into() });
        }
    }
    if rows.is_empty() {
        return Err(format!("{}: the file has no rows", path.display()).into());
    }
    Ok(rows)
}

/// Returns 4,000 points near two spirals.
fn spirals() -> Vec<Row> {
    let mut random = Rng::with_seed(3);
    let row = |line| {
        let label = line % 2;
        let along = random.f64().sqrt();
        let angle = TAU * (1.5 * along + 0.5 * f64::from(label));
        let mut coordinate = |towards| 50.0 + 40.0 * along * towards + 2.0 * deviation(&mut random);
        let (x, y) = (coordinate(angle.cos()), coordinate(angle.sin()));
        Row { line: line as usize, text: format!("{x:.2},{y:.2},{label}").into() }
    };
    (1..=4_000_u32).map(row).collect()
}

/// Returns a number that is normally distributed around 0, approximately.
fn deviation(random: &mut Rng) -> f64 {
    iter::repeat_with(|| random.f64() - 0.5).take(12).sum()
}

struct Options {
    epochs: usize,
    threads: usize,
    file: Option<PathBuf>,
}

fn options() -> OptionParser<Options> {
    let epochs = program::number("epochs", "The number of epochs", 1..=100_000, 20);
    let threads = program::threads();
    let file = positional("FILE").help("A file with rows `x,y,label`. Without it, two spirals").optional();
    construct!(Options { epochs, threads, file })
        .to_options()
        .descr("Trains a model on shuffled batches of a file's rows, which are prepared on all cores")
}

fn main() -> ExitCode {
    program::run(&options(), |Options { epochs, threads, file }| {
        let rows = file.as_deref().map_or_else(|| Ok(spirals()), read_rows)?;
        let file = file.unwrap_or_else(|| "spirals".into());
        let epoch_rows = rows.len();
        let bar = program::progress_bar((epochs * epoch_rows) as u64, "{human_pos} of {human_len} rows, {per_sec}");
        let mut random = Rng::with_seed(2);
        let wave = || [6.0 * deviation(&mut random), 6.0 * deviation(&mut random), TAU * random.f64()];
        let waves: Vec<_> = iter::repeat_with(wave).take(FEATURES).collect();

        let batches = Arc::new(batches(rows, epochs));
        let closer = Arc::clone(&batches);
        let interrupt = program::on_interrupt(move || closer.close())?;
        let prepare_batch = |rows: Vec<Row>| rows.iter().map(|row| prepare(row, &waves, &file)).collect();
        let result = thread::scope(|scope| {
            let prepared = batches.iter().parallel_map_scoped(scope, threads, prepare_batch);
            train(prepared, epochs, epoch_rows, &bar)
        });
        bar.finish_and_clear();
        result.map(|()| interrupt)
    })
}
