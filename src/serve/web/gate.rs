//! The way from the responder's UDP thread to peers of browsers on its media ports, and back: what belongs to a peer is
//! told by the user name of its ICE checks, and after these by where it comes from. All else on the port is the
//! responder's own, as before. Knows neither DTLS nor SDP; what it holds is bounded.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Bytes;
use tokio::sync::mpsc;

use crate::net::clock;
use crate::session::limits::{Bucket, Rate};
use crate::wire::stun::{Class, Message};

/// Datagrams that wait for a peer.
const QUEUE: usize = 512;

/// Addresses that one peer may be reached from: its own candidates, and those of relays.
const ADDRESSES: usize = 16;

/// Bytes each way of one peer: 4 Mbit/s, and half a second of it at once.
const PACE: Rate = Rate::new(500_000, 250_000);
/// Bytes each way of one peer in all.
const MOST: u64 = 24 << 20;

/// A datagram for the peers of one port, and where it came from.
pub(in crate::serve) type Parcel = (Bytes, SocketAddr);

/// What one peer may still take and send.
struct Allowance {
    into: (Bucket, u64),
    out: (Bucket, u64),
    addresses: usize,
}

/// Where a known source sends from, whose it is, and the address that it sends to.
struct Known {
    ufrag: String,
    to: IpAddr,
}

#[derive(Default)]
struct Inside {
    peers: HashMap<String, Allowance>,
    known: HashMap<(SocketAddr, u16), Known>,
}

/// The gate of all media ports that browsers meet peers on.
pub(in crate::serve) struct Gate {
    /// By address that the socket is bound to, and port.
    places: HashMap<SocketAddr, mpsc::Sender<Parcel>>,
    inside: Mutex<Inside>,
    open: AtomicUsize,
    start: std::time::Instant,
}

/// One port's end at the peers' side.
pub(in crate::serve) struct Lane {
    pub(in crate::serve) at: SocketAddr,
    pub(in crate::serve) parcels: mpsc::Receiver<Parcel>,
}

impl Gate {
    /// A gate for sockets bound to `places`, with the other end of each.
    pub(in crate::serve) fn new(places: &[SocketAddr]) -> (Self, Vec<Lane>) {
        let (mut senders, mut lanes) = (HashMap::new(), Vec::new());
        for at in places {
            let (sender, parcels) = mpsc::channel(QUEUE);
            if senders.insert(*at, sender).is_none() {
                lanes.push(Lane { at: *at, parcels });
            }
        }
        let gate = Self { places: senders, inside: Mutex::default(), open: AtomicUsize::new(0), start: clock::now() };
        (gate, lanes)
    }

    /// Whether a datagram that came to the socket bound to `local` was a peer's, which has it now.
    pub(in crate::serve) fn takes(
        &self,
        local: SocketAddr,
        from: SocketAddr,
        to: Option<SocketAddr>,
        bytes: &[u8],
    ) -> bool {
        if self.open.load(Relaxed) == 0 {
            return false;
        }
        let (Some(queue), Some(to)) = (self.places.get(&local), to) else { return false };
        let now = self.nanos();
        let mut inside = self.lock();
        let Some(ufrag) = inside.owner(from, to, bytes) else { return false };
        if inside.peers.get_mut(&ufrag).is_some_and(|peer| spend(&mut peer.into, bytes.len(), now)) {
            // What finds no room is lost, as on any way.
            let _ = queue.try_send((Bytes::copy_from_slice(bytes), from));
        }
        true
    }

    /// A peer that is known by `ufrag` from now on.
    pub(in crate::serve) fn begin(&self, ufrag: &str) {
        let fresh = || (Bucket::default(), MOST);
        let allowance = Allowance { into: fresh(), out: fresh(), addresses: 0 };
        let mut inside = self.lock();
        inside.peers.insert(ufrag.to_owned(), allowance);
        self.open.store(inside.peers.len(), Relaxed);
    }

    /// The peer is gone, and all that was known of it.
    pub(in crate::serve) fn end(&self, ufrag: &str) {
        let mut inside = self.lock();
        inside.peers.remove(ufrag);
        inside.known.retain(|_, known| known.ufrag != ufrag);
        self.open.store(inside.peers.len(), Relaxed);
    }

    /// From which of the machine's addresses a peer on `port` answers `target`; `None`: nobody there was heard, or the peer
    /// has sent as much as it may.
    pub(in crate::serve) fn allows(&self, port: u16, target: SocketAddr, len: usize) -> Option<IpAddr> {
        let now = self.nanos();
        let mut inside = self.lock();
        let Inside { peers, known } = &mut *inside;
        let known = known.get(&(target, port))?;
        spend(&mut peers.get_mut(&known.ufrag)?.out, len, now).then_some(known.to)
    }

    fn nanos(&self) -> u64 {
        u64::try_from(clock::now().saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spend((bucket, left): &mut (Bucket, u64), len: usize, now: u64) -> bool {
    let cost = u32::try_from(len).unwrap_or(u32::MAX);
    let Some(rest) = left.checked_sub(u64::from(cost)).filter(|_| bucket.has_many(PACE, now, cost)) else {
        return false;
    };
    *left = rest;
    bucket.take_many(PACE, now, cost);
    true
}

impl Inside {
    /// Whose a datagram is: a check names its peer, and what else comes from where one came is that peer's.
    fn owner(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> Option<String> {
        let place = (from, to.port());
        let Ok(message) = Message::read(bytes) else { return self.known.get(&place).map(|k| k.ufrag.clone()) };
        let Some(ufrag) = named(&message) else {
            let answers = matches!(message.class(), Class::Success | Class::Error | Class::Indication);
            return self.known.get(&place).filter(|_| answers).map(|k| k.ufrag.clone());
        };
        let peer = self.peers.get_mut(ufrag)?;
        let is_known = self.known.get(&place).is_some_and(|k| k.ufrag == ufrag);
        if !is_known {
            if peer.addresses >= ADDRESSES {
                return None;
            }
            peer.addresses += 1;
            self.known.insert(place, Known { ufrag: ufrag.to_owned(), to: to.ip() });
        }
        Some(ufrag.to_owned())
    }
}

/// The fragment before the colon of a request's user name.
fn named<'a>(message: &Message<'a>) -> Option<&'a str> {
    std::str::from_utf8(message.username()?.split(|b| *b == b':').next()?).ok()
}

/// A second handle of a socket, to send from.
pub(in crate::serve) struct Sender {
    pub(in crate::serve) socket: UdpSocket,
    pub(in crate::serve) at: SocketAddr,
    pub(in crate::serve) gate: Arc<Gate>,
}

impl Sender {
    /// Sends to whoever was heard.
    pub(in crate::serve) fn send(&self, bytes: &[u8], target: SocketAddr) -> io::Result<()> {
        let Some(from) = self.gate.allows(self.at.port(), target, bytes.len()) else { return Ok(()) };
        let from = Some(from).filter(|_| self.at.ip().is_unspecified());
        crate::serve::datagram::send(&self.socket, bytes, from, target, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stun::{Check, MAX_WRITTEN, Role, write_ice_check};

    fn check(username: &str) -> Vec<u8> {
        let mut buf = [0; MAX_WRITTEN];
        let check = Check { username, priority: 1, role: Role::Controlling(1), nominate: true };
        let n = write_ice_check(&mut buf, [1; 12], &check, "0123456789abcdef012345").unwrap();
        buf[..n].to_vec()
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_what_names_a_peer_and_what_follows_it_passes() {
        let (local, from, to) = (at("0.0.0.0:19599"), at("192.0.2.7:40000"), Some(at("192.0.2.1:19599")));
        let (gate, mut lanes) = Gate::new(&[local]);
        let dtls = [22, 254, 255];
        assert!(!gate.takes(local, from, to, &check("peer:them")), "there is no peer yet");
        gate.begin("peer");
        assert!(!gate.takes(local, from, to, &check("other:them")));
        assert!(!gate.takes(local, from, to, &dtls), "nobody is known there");
        assert!(gate.takes(local, from, to, &check("peer:them")));
        assert!(gate.takes(local, from, to, &dtls));
        assert!(!gate.takes(local, at("192.0.2.7:40001"), to, &dtls));
        assert!(!gate.takes(at("0.0.0.0:19600"), from, to, &dtls));
        assert_eq!(gate.allows(19_599, from, 100), Some([192, 0, 2, 1].into()));
        assert_eq!(
            gate.allows(19_599, at("198.51.100.1:40000"), 100),
            None,
            "nobody is sent what they did not ask for"
        );
        let lane = &mut lanes[0];
        assert_eq!((lane.parcels.try_recv().is_ok(), lane.parcels.try_recv().unwrap().1), (true, from));
        gate.end("peer");
        assert!(!gate.takes(local, from, to, &dtls));
        assert_eq!(gate.allows(19_599, from, 100), None);
    }

    #[test]
    fn a_peer_has_so_many_bytes_and_addresses() {
        let (local, to) = (at("0.0.0.0:19599"), Some(at("192.0.2.1:19599")));
        let (gate, _lanes) = Gate::new(&[local]);
        gate.begin("peer");
        for port in 0..64u16 {
            let taken =
                gate.takes(local, SocketAddr::new([192, 0, 2, 7].into(), 40_000 + port), to, &check("peer:them"));
            assert_eq!(taken, usize::from(port) < ADDRESSES);
        }
        let from = at("192.0.2.7:40000");
        let sent = (0..10_000).filter(|_| gate.allows(19_599, from, 1_200).is_some()).count();
        assert!((150..2_000).contains(&sent), "{sent}");
    }
}
