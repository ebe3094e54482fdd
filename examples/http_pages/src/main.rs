//! An asynchronous generator shared by tasks: it requests the pages of an HTTP API, and the tasks process them.
//!
//! Each task waits for a page under a time-out. A time-out loses no page: the generator stays suspended in the middle
//! of its request, and the next task that calls `next` continues it. The example serves the API itself and delays some
//! of the responses, so that time-outs happen.
//!
//! ```console
//! $ cargo run --release -p http_pages -- [--stop-after N]
//! ```
//!
//! With `--stop-after`, the task that gets the Nth page closes the generator, and all tasks end.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use bpaf::{OptionParser, Parser};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use threadsafe_gen::{Stream, ThreadsafeStream, threadsafe_generator};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

const TASKS: usize = 4;
const PAGES: u64 = 40;
const ENTRIES_PER_PAGE: u64 = 25;

/// The time-out of one wait for a page.
const TIMEOUT: Duration = Duration::from_millis(20);

/// A response of the API.
#[derive(Serialize, Deserialize)]
struct Page {
    entries: Vec<u64>,
    next: Option<u64>,
}

/// All pages of the API. Each page is requested when a task calls `next`. An error is the last item.
#[threadsafe_generator]
fn pages(client: Client, url: String) -> impl Stream<Item = reqwest::Result<Page>> {
    let mut next = Some(0);
    while let Some(number) = next {
        let answer = client.get(format!("{url}/{number}")).send().await?;
        let page: Page = answer.error_for_status()?.json().await?;
        next = page.next;
        yield_!(Ok(page));
    }
}

/// The result of one task.
#[derive(Default)]
struct Tally {
    pages: u64,
    entries: Vec<u64>,
    timeouts: u64,
}

/// Processes pages until there are no more.
async fn work(
    pages: Arc<ThreadsafeStream<impl Stream<Item = reqwest::Result<Page>> + Unpin>>,
    stop_after: u64,
) -> reqwest::Result<Tally> {
    let mut tally = Tally::default();
    loop {
        match timeout(TIMEOUT, pages.next()).await {
            Ok(Some(page)) => {
                let page = page?;
                if page.next == Some(stop_after) {
                    pages.close();
                }
                tally.pages += 1;
                tally.entries.extend(page.entries);
            }
            Ok(None) => return Ok(tally),
            // The page is not lost: the next call of `next`, by this task or another, returns it.
            Err(_) => tally.timeouts += 1,
        }
    }
}

/// The number of requests that the API has received.
static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// The API: numbers from 0 on, in pages of [`ENTRIES_PER_PAGE`].
async fn serve_page(Path(number): Path<u64>) -> Json<Page> {
    REQUESTS.fetch_add(1, Relaxed);
    if number % 10 == 5 {
        sleep(10 * TIMEOUT).await;
    }
    let first = number * ENTRIES_PER_PAGE;
    let entries = (first..first + ENTRIES_PER_PAGE).collect();
    Json(Page { entries, next: Some(number + 1).filter(|&next| next < PAGES) })
}

fn options() -> OptionParser<u64> {
    program::number("stop-after", "Close the generator after so many pages", 1..=PAGES, PAGES)
        .to_options()
        .descr("Requests the pages of an HTTP API by a generator that tasks share")
}

#[tokio::main]
async fn request_pages(stop_after: u64) -> program::Result {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/pages", listener.local_addr()?);
    let api = Router::new().route("/pages/{number}", get(serve_page));
    tokio::spawn(async { axum::serve(listener, api).await });

    // A proxy from the environment cannot reach the API on this machine's loopback address.
    let client = Client::builder().no_proxy().build()?;
    let shared = Arc::new(pages(client, url));
    let tasks: Vec<_> = (0..TASKS).map(|_| tokio::spawn(work(Arc::clone(&shared), stop_after))).collect();

    let mut output = io::stdout();
    let mut total = Tally::default();
    let mut stopped = false;
    for (index, task) in tasks.into_iter().enumerate() {
        let Tally { pages, entries, timeouts } = task.await??;
        writeln!(output, "task {index}: pages {pages}, entries {}, time-outs {timeouts}", entries.len())?;
        // Another task may get one more page before the generator is closed. The task that closes it gets no more.
        stopped |= entries.last() == Some(&(stop_after * ENTRIES_PER_PAGE - 1));
        total.pages += pages;
        total.entries.extend(entries);
        total.timeouts += timeouts;
    }
    let Tally { pages, mut entries, timeouts } = total;
    let requests = REQUESTS.load(Relaxed);
    writeln!(output, "together: pages {pages}, entries {}, time-outs {timeouts}, requests {requests}", entries.len())?;

    entries.sort_unstable();
    assert!(entries.into_iter().eq(0..pages * ENTRIES_PER_PAGE), "an entry is missing or was delivered twice");
    assert!(stopped, "no task received the last page as its last");
    // A request that is in progress when the generator is closed delivers no page.
    let dropped = u64::from(stop_after < PAGES);
    assert!((pages..=pages + dropped).contains(&requests), "a page was requested more than once");
    Ok(())
}

fn main() -> ExitCode {
    program::run(&options(), request_pages)
}
