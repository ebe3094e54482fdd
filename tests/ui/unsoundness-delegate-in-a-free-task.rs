use threadsafe_gen::{coroutine, stream};

/// As the runtimes do.
fn spawn(_: impl Future + Send + 'static) {}

// The future of a delegation in a task that may outlive the body.
fn main() {
    let items = stream(async |co| {
        let inner = coroutine(async |co, ()| co.yield_(1).await);
        spawn(co.delegate(inner, ()));
    });
    items.threadsafe().close();
}
