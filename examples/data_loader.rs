//! A data loader for training: shuffled batches of a file's rows, epoch after epoch, prepared on all cores.
//!
//! An endless generator reads the file and yields the batches. The workers take batches and do the expensive part
//! outside the lock: they parse the rows, normalise them, and compute the features. The main thread restores the order
//! of the batches by their indexes and trains on them, so the output does not depend on the number of workers. Each
//! worker is at most a few batches ahead of the training. Ctrl-c closes the generator, as the last epoch does, and all
//! threads end.
//!
//! ```console
//! $ cargo run --release --example data_loader -- [--epochs N] [--threads N] [FILE]
//! ```
//!
//! A row of the file is `x,y,label`: a point, its coordinates from 0 to 100, and the class that it belongs to, 0 or 1.
//! Without a file, the example generates one: the points of two spirals. An error in the file is reported with its
//! place:
//!
//! ```console
//! $ printf '50,50,0\n51,5O,1\n' >points.csv
//! $ cargo run --release --example data_loader -- points.csv
//! data_loader: points.csv:2: `5O` is not a number from 0 to 100
//! ```

use std::env;
use std::error::Error;
use std::f64::consts::TAU;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::iter;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};
use threadsafe_gen::{ThreadsafeIter, threadsafe_generator};

const USAGE: &str = "usage: data_loader [--epochs N] [--threads N] [FILE]";

/// Rows per batch. The last batch of an epoch may be smaller.
const BATCH: usize = 32;

/// The number of prepared batches of one worker that may wait for the training.
const AHEAD: usize = 4;

/// The number of features per point.
const FEATURES: usize = 1_000;

/// A part of an epoch.
struct Batch<T> {
    epoch: u32,
    /// The number of rows in the whole epoch.
    epoch_rows: usize,
    rows: Vec<T>,
}

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

/// Yields the rows of the file in batches, endlessly, in a new order in each epoch.
#[threadsafe_generator]
fn batches(path: PathBuf) -> impl Iterator<Item = Result<Batch<Row>, LoadError>> {
    let mut rows = Vec::new();
    let file = File::open(&path).map_err(at(&path, None))?;
    for (line, text) in (1..).zip(BufReader::new(file).lines()) {
        let text = text.map_err(at(&path, Some(line)))?.into();
        rows.push(Row { line, text });
    }
    let epoch_rows = rows.len();
    if epoch_rows == 0 {
        Err(at(&path, None)("the file has no rows"))?;
    }

    let mut random = Random(1);
    for epoch in 1.. {
        random.shuffle(&mut rows);
        for rows in rows.chunks(BATCH) {
            yield_!(Ok(Batch { epoch, epoch_rows, rows: rows.to_vec() }));
        }
    }
}

/// The work outside the lock. The features of a point are the values of cosine waves across the plane at that point.
fn prepare(batch: &Batch<Row>, waves: &[[f64; 3]], path: &Path) -> Result<Batch<Example>, LoadError> {
    let prepare_row = |row: &Row| {
        let (point, label) = parse(&row.text).map_err(at(path, Some(row.line)))?;
        let [x, y] = point.map(|coordinate| coordinate / 50.0 - 1.0);
        let features = waves.iter().map(|[a, b, phase]| (a * x + b * y + phase).cos()).collect();
        Ok(Example { features, label })
    };
    let rows = batch.rows.iter().map(prepare_row).collect::<Result<_, _>>()?;
    Ok(Batch { epoch: batch.epoch, epoch_rows: batch.epoch_rows, rows })
}

fn parse(row: &str) -> Result<([f64; 2], bool), String> {
    let coordinate = |field: &str| {
        let number = field.trim().parse().ok().filter(|number| (0.0..=100.0).contains(number));
        number.ok_or_else(|| format!("`{field}` is not a number from 0 to 100"))
    };
    let fields: Vec<_> = row.split(',').collect();
    let [x, y, label] = fields[..] else { return Err(format!("`{row}` is not of the form `x,y,label`")) };
    let label = match label.trim() {
        "0" => false,
        "1" => true,
        _ => return Err(format!("the label `{label}` is neither 0 nor 1")),
    };
    Ok(([coordinate(x)?, coordinate(y)?], label))
}

/// A batch or an error, with the index of the batch.
type Prepared = (usize, Result<Batch<Example>, LoadError>);

/// Prepares batches until there are no more or the receiver is dropped.
fn work(
    batches: &ThreadsafeIter<impl Iterator<Item = Result<Batch<Row>, LoadError>>>,
    prepared: &SyncSender<Prepared>,
    prepare: impl Fn(&Batch<Row>) -> Result<Batch<Example>, LoadError>,
) {
    while let Some((index, batch)) = batches.next_indexed() {
        let batch = batch.and_then(|batch| prepare(&batch));
        if prepared.send((index, batch)).is_err() {
            break;
        }
    }
}

/// Merges the workers' batches in the order of their indexes.
///
/// The indexes from one worker ascend, so the next batch is the one with the least index among the heads of the queues.
fn in_order(workers: Vec<Receiver<Prepared>>) -> impl Iterator<Item = Prepared> {
    let mut workers: Vec<_> = workers.into_iter().map(|worker| worker.into_iter().peekable()).collect();
    iter::from_fn(move || {
        let first = workers.iter_mut().filter_map(|worker| Some((worker.peek()?.0, worker)));
        first.min_by_key(|(index, _)| *index)?.1.next()
    })
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

/// Trains for `epochs` epochs, or until there are no more batches.
fn train(batches: impl Iterator<Item = Prepared>, epochs: u32, bar: &ProgressBar) -> Result<(), LoadError> {
    let print = |text: String| {
        let written = bar.suspend(|| writeln!(io::stdout(), "{text}"));
        written.map_err(at(Path::new("standard output"), None))
    };
    let mut model = Model { weights: vec![0.0; FEATURES] };
    let (mut rows, mut loss, mut correct) = (0_u32, 0.0, 0_u32);
    let mut progress = "before the first batch".to_owned();
    for (expected, (index, batch)) in batches.enumerate() {
        assert_eq!(index, expected, "a worker has ended without sending its batch");
        let Batch { epoch, epoch_rows, rows: examples } = batch?;
        for example in &examples {
            let probability = model.learn(example);
            loss -= probability.ln();
            correct += u32::from(probability > 0.5);
            rows += 1;
        }
        bar.set_length(u64::from(epochs) * epoch_rows as u64);
        bar.inc(examples.len() as u64);
        progress = format!("after {} batches and {} rows, in epoch {epoch} of {epochs}", index + 1, bar.position());
        if rows as usize == epoch_rows {
            let percent = 100.0 * f64::from(correct) / f64::from(rows);
            print(format!("epoch {epoch:>2}: loss {:.4}, {percent:.1} % correct", loss / f64::from(rows)))?;
            if epoch == epochs {
                return print(format!("done {progress}"));
            }
            (rows, loss, correct) = (0, 0.0, 0);
        }
    }
    print(format!("stopped {progress}"))
}

fn load_and_train(path: &Path, options: &Options, bar: &ProgressBar) -> Result<(), Box<dyn Error>> {
    let batches = Arc::new(batches(path.to_owned()));
    let closer = Arc::clone(&batches);
    ctrlc::set_handler(move || {
        // A second ctrl-c exits at once: the first one does not end a read that blocks.
        if closer.is_finished() {
            process::exit(130);
        }
        closer.close();
    })?;

    let mut random = Random(2);
    let waves = iter::repeat_with(|| random.wave()).take(FEATURES).collect::<Vec<_>>();
    let prepare = |batch: &Batch<Row>| prepare(batch, &waves, path);
    thread::scope(|s| {
        let start_worker = |_| {
            let (sender, receiver) = mpsc::sync_channel(AHEAD);
            let batches = &batches;
            s.spawn(move || work(batches, &sender, prepare));
            receiver
        };
        let workers = (0..options.threads).map(start_worker).collect();
        let outcome = train(in_order(workers), options.epochs, bar);
        // After the last epoch, or an error, the workers stop too.
        batches.close();
        Ok(outcome?)
    })
}

/// Pseudo-random numbers by xorshift64, created from the seed.
struct Random(u64);

impl Random {
    fn number(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }

    /// Returns a number from 0 to 1.
    fn fraction(&mut self) -> f64 {
        f64::from(self.number()) / f64::from(u32::MAX)
    }

    /// Returns a number that is normally distributed around 0, approximately.
    fn deviation(&mut self) -> f64 {
        iter::repeat_with(|| self.fraction() - 0.5).take(12).sum()
    }

    fn wave(&mut self) -> [f64; 3] {
        [6.0 * self.deviation(), 6.0 * self.deviation(), TAU * self.fraction()]
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.number() as usize % (i + 1));
        }
    }
}

/// Creates a file of 4,000 points near two spirals.
fn write_spirals(path: &Path) -> io::Result<()> {
    let mut random = Random(3);
    let mut file = BufWriter::new(File::create_new(path)?);
    for label in [0, 1].repeat(2_000) {
        let along = random.fraction().sqrt();
        let angle = TAU * (1.5 * along + 0.5 * f64::from(label));
        let (sin, cos) = angle.sin_cos();
        let mut coordinate = |towards: f64| 50.0 + 40.0 * along * towards + 2.0 * random.deviation();
        writeln!(file, "{:.2},{:.2},{label}", coordinate(cos), coordinate(sin))?;
    }
    file.flush()
}

/// An error, with the file and the line where it was found.
#[derive(Debug)]
struct LoadError {
    path: PathBuf,
    line: Option<usize>,
    message: String,
}

impl Error for LoadError {}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.message)
    }
}

/// Adds the place to an error.
fn at<E: ToString>(path: &Path, line: Option<usize>) -> impl FnOnce(E) -> LoadError {
    move |error| LoadError { path: path.to_owned(), line, message: error.to_string() }
}

struct Options {
    epochs: u32,
    threads: usize,
    file: Option<PathBuf>,
}

/// Parses the command line. Returns `None` if it is invalid.
fn options() -> Option<Options> {
    fn number<T: FromStr>(arg: Option<OsString>) -> Option<T> {
        arg?.to_str()?.parse().ok()
    }

    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut options = Options { epochs: 20, threads, file: None };
    let mut args = env::args_os().skip(1);
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--epochs") => options.epochs = number::<NonZero<_>>(args.next())?.get(),
            Some("--threads") => options.threads = number::<NonZero<_>>(args.next())?.get(),
            Some(other) if other.starts_with('-') => return None,
            _ if options.file.is_some() => return None,
            _ => options.file = Some(arg.into()),
        }
    }
    Some(options)
}

fn run() -> Result<(), Box<dyn Error>> {
    let options = options().ok_or(USAGE)?;
    let style = ProgressStyle::with_template("{wide_bar} {human_pos} of {human_len} rows, {per_sec:0}");
    let bar = ProgressBar::no_length().with_style(style.expect("the template is valid"));

    let outcome = if let Some(path) = &options.file {
        load_and_train(path, &options, &bar)
    } else {
        let path = env::temp_dir().join(format!("spirals-{}.csv", process::id()));
        write_spirals(&path).map_err(at(&path, None))?;
        let outcome = load_and_train(&path, &options, &bar);
        fs::remove_file(&path).map_err(at(&path, None))?;
        outcome
    };
    bar.finish_and_clear();
    outcome
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("data_loader: {error}");
            ExitCode::FAILURE
        }
    }
}
