//! The way from the TCP side to the thread that owns the sessions: what is asked goes through a bounded channel and an
//! event descriptor, the answer comes back through a channel of its own. No lock is shared with the datagrams.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::sync::oneshot;

use crate::net::chance;
use crate::session::granted::{Denied, Sessions};
use crate::session::reflector::Reflector;
use crate::wire::grant::{Ask, Grant, Kind};
use crate::wire::ice;

/// How many may wait at the door.
const QUEUE: usize = 64;

/// What a WebSocket may send back by a granted session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) kbps: u32,
    pub(super) bytes: u64,
    pub(super) seconds: u32,
}

/// An ICE session that is wanted, with all that is drawn by chance.
struct AskIce {
    ask: ice::Ask,
    ports: Vec<u16>,
    chance: (u32, u128),
}

/// Someone asks for a session, or comes back with a token.
enum Asking {
    Session { ask: Ask, source: IpAddr, chance: u128, answer: oneshot::Sender<Result<Grant, Denied>> },
    Ice { ask: AskIce, source: IpAddr, answer: oneshot::Sender<Result<ice::Grant, Denied>> },
    Claim { token: u64, source: IpAddr, answer: oneshot::Sender<Option<Granted>> },
}

impl Asking {
    fn settle(self, reflector: &mut Reflector, now: Instant) {
        // Whoever has gone in the meantime leaves a grant that nobody uses.
        match self {
            Self::Session { ask, source, chance, answer } => {
                let _ = answer.send(reflector.sessions.grant(&ask, source, chance, now));
            }
            Self::Ice { ask: AskIce { ask, ports, chance }, source, answer } => {
                let _ = answer.send(reflector.ice.grant(&ask, &ports, source, chance, now));
            }
            Self::Claim { token, source, answer } => {
                let _ = answer.send(claim(&mut reflector.sessions, token, source, now));
            }
        }
    }
}

/// A session of flows is bound to WebSockets by a UDP port that none has; whoever claims it takes all its bytes, so that a
/// second WebSocket has none of them.
fn claim(sessions: &mut Sessions, token: u64, source: IpAddr, now: Instant) -> Option<Granted> {
    let session = sessions.claim(token, Kind::Flow, SocketAddr::new(source, 0), now)?;
    let (bytes, seconds) = session.left();
    session.spend(bytes);
    Some(Granted { kbps: session.down_kbps(), bytes, seconds })
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
        self.queue.try_send(Asking::Session { ask, source, chance, answer }).map_err(|_| busy())?;
        let _ = self.wake.write(1);
        answered.await.map_err(|_| busy())?
    }

    /// Asks for an ICE session; `ports` makes its candidates out of a number that nobody can guess.
    pub(super) async fn ask_ice(
        &self,
        ask: ice::Ask,
        source: IpAddr,
        ports: impl FnOnce(u64) -> Vec<u16>,
    ) -> Result<ice::Grant, Denied> {
        let busy = || Denied::Busy("the responder is too busy to open a session; ask again".to_owned());
        let (drawn, password) = chance::secret_seed().zip(chance::secret_seed()).ok_or_else(busy)?;
        let ask = AskIce { ask, ports: ports((drawn >> 64) as u64), chance: (drawn as u32, password) };
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Asking::Ice { ask, source, answer }).map_err(|_| busy())?;
        let _ = self.wake.write(1);
        answered.await.map_err(|_| busy())?
    }

    /// What the session of `token` grants a WebSocket from `source`; asked again, that it is still in use. `None`: there is
    /// no such session, or it is another's or over.
    pub(super) async fn claim(&self, token: u64, source: IpAddr) -> Option<Granted> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Asking::Claim { token, source, answer }).ok()?;
        let _ = self.wake.write(1);
        answered.await.ok()?
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.stop.store(true, Relaxed);
        let _ = self.wake.write(1);
    }
}

impl Inside {
    /// After the event: answers all who ask, out of the reflector's sessions; `false`: the thread is to end.
    pub(super) fn attend(&self, reflector: &mut Reflector, now: Instant) -> bool {
        let _ = self.wake.read();
        while let Ok(asking) = self.queue.try_recv() {
            asking.settle(reflector, now);
        }
        !self.stop.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::clock;

    #[test]
    fn a_session_of_flows_gives_one_websocket_of_its_source_its_bytes() {
        let (mut sessions, now) = (Sessions::default(), clock::now());
        let ask = Ask { kind: Kind::Flow, up_kbps: 80, down_kbps: 80, packets_per_second: 50, seconds: 10 };
        let (here, there): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let bytes = sessions.grant(&ask, here, 7, now).unwrap().bytes;
        assert_eq!(claim(&mut sessions, 8, here, now), None);
        let granted = Granted { kbps: 80, bytes, seconds: 10 };
        assert_eq!(claim(&mut sessions, 7, here, now), Some(granted));
        assert_eq!(claim(&mut sessions, 7, here, now), Some(Granted { bytes: 0, ..granted }));
        assert_eq!(claim(&mut sessions, 7, there, now), None);
        assert!(sessions.claim(7, Kind::Flow, SocketAddr::new(here, 40_000), now).is_none(), "nor datagrams");
    }
}
