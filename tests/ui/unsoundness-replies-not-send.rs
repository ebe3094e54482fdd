use std::rc::Rc;
use std::thread;

use threadsafe_gen::coroutine;

// The replies go from the thread that resumes to the one that resumes next.
fn main() {
    let echo = coroutine(async |co, first: Rc<u32>| {
        drop(first);
        drop(co.yield_(1).await);
    });
    let echo = echo.threadsafe();
    thread::scope(|s| {
        s.spawn(|| drop(echo.try_resume_with(Rc::new(1))));
    });
}
