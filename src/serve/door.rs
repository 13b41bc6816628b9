//! The way from the TCP side to the thread that owns the sessions: what is asked goes through a bounded channel and an
//! event descriptor, the answer comes back through a channel of its own. No lock is shared with the datagrams.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::sync::oneshot;

use crate::net::chance;
use crate::session::granted::{Denied, Sessions};
use crate::wire::grant::{Ask, Grant};

/// How many may wait at the door.
const QUEUE: usize = 64;

/// Someone asks for a session.
struct Asking {
    ask: Ask,
    source: IpAddr,
    chance: u128,
    answer: oneshot::Sender<Result<Grant, Denied>>,
}

impl Asking {
    fn settle(self, sessions: &mut Sessions, now: Instant) {
        // Whoever has gone in the meantime leaves a grant that nobody uses.
        let _ = self.answer.send(sessions.grant(&self.ask, self.source, self.chance, now));
    }
}

/// Where one asks.
#[derive(Clone)]
pub(super) struct Door {
    wake: Arc<EventFd>,
    stop: Arc<AtomicBool>,
    queue: SyncSender<Asking>,
}

/// Where one answers.
pub(super) struct Inside {
    pub(super) wake: Arc<EventFd>,
    stop: Arc<AtomicBool>,
    queue: Receiver<Asking>,
}

/// Both ends.
pub(super) fn new() -> nix::Result<(Door, Inside)> {
    let wake = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
    let (sender, queue) = sync_channel(QUEUE);
    let stop = Arc::new(AtomicBool::new(false));
    Ok((Door { wake: wake.clone(), stop: stop.clone(), queue: sender }, Inside { wake, stop, queue }))
}

impl Door {
    /// Asks for a session.
    pub(super) async fn ask(&self, ask: Ask, source: IpAddr) -> Result<Grant, Denied> {
        let busy = || Denied::Busy("the responder is too busy to open a session; ask again".to_owned());
        let chance = chance::secret_seed().ok_or_else(busy)?;
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Asking { ask, source, chance, answer }).map_err(|_| busy())?;
        let _ = self.wake.write(1);
        answered.await.map_err(|_| busy())?
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.stop.store(true, Relaxed);
        let _ = self.wake.write(1);
    }
}

impl Inside {
    /// After the event: answers all who ask, out of `sessions`; `false`: the thread is to end.
    pub(super) fn attend(&self, sessions: &mut Sessions, now: Instant) -> bool {
        let _ = self.wake.read();
        while let Ok(asking) = self.queue.try_recv() {
            asking.settle(sessions, now);
        }
        !self.stop.load(Relaxed)
    }
}
