//! Ctrl-c and `SIGTERM`.

use std::io;
use std::process::{self, ExitCode, Termination};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::thread;

/// Reports the exit code: 0, or 128 and the number of the signal that was received.
#[derive(Debug)]
pub struct Interrupt {
    exit_code: Arc<AtomicU8>,
}

impl Termination for Interrupt {
    fn report(self) -> ExitCode {
        self.exit_code.load(Relaxed).into()
    }
}

/// Calls `stop` on a thread of its own at ctrl-c or `SIGTERM`. The second signal ends the program at once.
///
/// Without a call of this function, and on systems other than Unix, the first one does.
///
/// # Errors
///
/// If the signals cannot be handled.
pub fn on_interrupt(stop: impl FnOnce() + Send + 'static) -> io::Result<Interrupt> {
    let exit_code = Arc::new(AtomicU8::new(0));
    let interrupt = Interrupt { exit_code: Arc::clone(&exit_code) };
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGINT, SIGTERM};
        use signal_hook::iterator::Signals;

        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        thread::spawn(move || {
            let mut codes = signals.forever().map(|signal| 128 + signal);
            if let Some(code) = codes.next() {
                exit_code.store(u8::try_from(code).unwrap_or(u8::MAX), Relaxed);
                stop();
            }
            if let Some(code) = codes.next() {
                process::exit(code);
            }
        });
    }
    #[cfg(not(unix))]
    let _ = (stop, exit_code);
    Ok(interrupt)
}
