//! A thread of its own for what must not wait for others: its timers are its own, and it ends with its work. Knows
//! neither what is driven nor over what.

use std::fmt::Display;
use std::io;

use tokio::runtime;
use tokio_util::sync::CancellationToken;

use crate::model::{Failure, FailureKind, Step};

/// Does `work` on a thread called `name` and waits for it. The token that the work is given is cancelled with `cancel`, and
/// when the returned future is dropped.
///
/// # Errors
/// Of `step`: no thread could be started, it broke, or the work could open no socket.
pub async fn own<T: Send + 'static>(
    name: &str,
    step: Step,
    cancel: &CancellationToken,
    work: impl FnOnce(&CancellationToken) -> io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let failed = |what: &str, why: &dyn Display| Failure::new(step, FailureKind::Internal, format!("{what}: {why}"));
    let cancel = cancel.child_token();
    let _ends_with_this_future = cancel.clone().drop_guard();
    let (done, result) = tokio::sync::oneshot::channel();
    let run = move || {
        // Nobody waits any more where the future was dropped.
        let _ = done.send(work(&cancel));
    };
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map_err(|e| failed("no thread could be started", &e))?;
    let result = result.await.map_err(|e| failed("the probe's thread broke", &e))?;
    result.map_err(|e| failed("no UDP socket could be opened", &e))
}

/// Does `work` on a thread called `name` with a runtime of its own, whose tasks wait for nobody else's, and hands out what
/// it makes; the thread lives until `rest`, made of that, is over.
///
/// # Errors
/// No thread or runtime could be started, or it broke.
pub async fn apart<T, R>(
    name: &str,
    work: impl Future<Output = T> + Send + 'static,
    rest: impl FnOnce(&T) -> R + Send + 'static,
) -> io::Result<T>
where
    T: Send + 'static,
    R: Future<Output = ()>,
{
    let (done, result) = tokio::sync::oneshot::channel();
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let run = move || {
        runtime.block_on(async move {
            let made = work.await;
            let rest = rest(&made);
            // Nobody waits any more where the future was dropped.
            let _ = done.send(made);
            rest.await;
        });
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
    result.await.map_err(io::Error::other)
}
