//! Which TCP connections this process opened while packets are captured. A connection that is refused or short is over
//! before the kernel's tables are looked at, and nothing tells afterwards whose it was.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// More are not remembered: they are looked for in the tables alone.
const MOST: usize = 65_536;

/// Local and remote ends; `None` while nothing is captured.
static OPENED: Mutex<Option<HashSet<(SocketAddr, SocketAddr)>>> = Mutex::new(None);

/// Remembers from now on.
pub(super) fn begin() {
    *held() = Some(HashSet::new());
}

/// Forgets all.
pub(super) fn end() {
    *held() = None;
}

/// A connection is being opened.
pub(in crate::net) fn connecting(local: SocketAddr, remote: SocketAddr) {
    if let Some(opened) = held().as_mut().filter(|opened| opened.len() < MOST) {
        opened.insert((local, remote));
    }
}

/// Whether this process opened it.
pub(super) fn is_own(local: SocketAddr, remote: SocketAddr) -> bool {
    held().as_ref().is_some_and(|opened| opened.contains(&(local, remote)))
}

fn held() -> MutexGuard<'static, Option<HashSet<(SocketAddr, SocketAddr)>>> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}
