//! Ctrl-C leaves the machine clean, too.

use std::process::exit;

use crate::possible::remove_of;

/// From now on SIGINT, SIGTERM and SIGHUP remove this process's namespaces and directories, and end it.
pub fn clean_up() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(signal());
        remove_of(|owner| owner == std::process::id().to_string());
        eprintln!("interrupted; the lab is removed");
        exit(130);
    });
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate()).expect("a handler");
    let mut hung_up = signal(SignalKind::hangup()).expect("a handler");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
        _ = hung_up.recv() => {}
    }
}
