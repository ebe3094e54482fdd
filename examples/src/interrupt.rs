//! Ctrl-c and `SIGTERM`.

use std::io;
use std::process::{ExitCode, Termination};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

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
/// A program that does not call this function is ended by the first signal, as every program is on a system other than
/// Unix.
///
/// # Errors
///
/// If the signals cannot be handled.
pub fn on_interrupt(stop: impl FnOnce() + Send + 'static) -> io::Result<Interrupt> {
    let exit_code = Arc::default();
    #[cfg(unix)]
    unix::on_interrupt(Arc::clone(&exit_code), stop)?;
    #[cfg(not(unix))]
    drop(stop);
    Ok(Interrupt { exit_code })
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::process;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
    use std::thread;

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    pub(super) fn on_interrupt(exit_code: Arc<AtomicU8>, stop: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        thread::spawn(move || {
            let mut codes = signals.forever().map(|signal| if signal == SIGINT { 130 } else { 143 });
            if let Some(code) = codes.next() {
                exit_code.store(code, Relaxed);
                stop();
            }
            if let Some(code) = codes.next() {
                process::exit(code.into());
            }
        });
        Ok(())
    }
}
