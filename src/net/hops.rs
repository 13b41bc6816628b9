//! The first routers of a way, by datagrams whose time to live ends there (unprivileged: the error queue names who dropped
//! them). Knows nothing of what routers' addresses mean.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{setsockopt, sockopt};
use tokio_util::sync::CancellationToken;

use super::icmp::{self, ErrorQueue};
use super::several::any;
use super::{clock, thread};
pub use crate::model::trace::Hop;
use crate::model::{Failure, Step};
use crate::session::{IcmpError, Meaning};

/// Routers answer at once, and seldom: one datagram each way may be lost, more of them would only use up what a router
/// sends of such errors.
const TRIES: usize = 2;
const WAIT: Duration = Duration::from_millis(350);

/// So much is taken from one socket at once.
const TURN: usize = 16;

/// The routers up to `farthest` hops away on the way to `to` that answered, nearest first. `bytes` is what is sent: it comes
/// to `to` where that is nearer.
///
/// # Errors
/// No socket could be opened.
pub async fn hops(
    to: SocketAddr,
    farthest: u8,
    bytes: Vec<u8>,
    cancel: &CancellationToken,
) -> Result<Vec<Hop>, Failure> {
    thread::own("hops", Step::Mapping, cancel, move |cancel| look(to, farthest, &bytes, cancel)).await
}

fn look(to: SocketAddr, farthest: u8, bytes: &[u8], cancel: &CancellationToken) -> io::Result<Vec<Hop>> {
    let sockets = (1..=farthest).map(|distance| Ok((distance, open(to, distance)?))).collect::<io::Result<Vec<_>>>()?;
    let mut looked = Looked { sockets, found: Vec::new(), end: farthest + 1 };
    for _ in 0..TRIES {
        for (_, socket) in looked.sockets.iter().filter(|(d, _)| looked.missing(*d)) {
            // A socket whose last datagram was refused says so once, and sends the next time.
            let _ = socket.send_to(bytes, to);
        }
        let until = clock::now() + WAIT;
        while clock::now() < until && !cancel.is_cancelled() && looked.sockets.iter().any(|(d, _)| looked.missing(*d)) {
            let mut fds: Vec<_> =
                looked.sockets.iter().map(|(_, s)| PollFd::new(s.as_fd(), PollFlags::POLLIN)).collect();
            let _ = poll(&mut fds, PollTimeout::from(20u8));
            looked.gather(to);
        }
    }
    looked.found.sort_unstable_by_key(|h| h.distance);
    Ok(looked.found)
}

/// One socket a distance, and what came of it.
struct Looked {
    sockets: Vec<(u8, UdpSocket)>,
    found: Vec<Hop>,
    /// As far as the far end itself, or farther.
    end: u8,
}

impl Looked {
    fn missing(&self, distance: u8) -> bool {
        distance < self.end && !self.found.iter().any(|h| h.distance == distance)
    }

    /// Takes what came: routers' errors, or an answer or refusal of the far end, behind which there are no routers.
    fn gather(&mut self, to: SocketAddr) {
        for number in 0..self.sockets.len() {
            let Some((distance, socket)) = self.sockets.get(number) else { return };
            let distance = *distance;
            let mut queue = ErrorQueue::of(socket);
            let errors: Vec<_> = std::iter::from_fn(|| queue.take()).take(TURN).flatten().collect();
            let answered = std::iter::from_fn(|| socket.recv_from(&mut [0; 1]).ok()).take(TURN).any(|(_, f)| f == to);
            if answered || errors.iter().any(IcmpError::from_target) {
                self.end = self.end.min(distance);
            }
            let dropped = errors.iter().filter(|e| e.meaning() == Meaning::TimeExceeded).find_map(|e| e.from);
            if let Some(address) = dropped.filter(|_| self.missing(distance)) {
                self.found.push(Hop { distance, address });
            }
        }
    }
}

fn open(to: SocketAddr, distance: u8) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(SocketAddr::new(any(to.ip()), 0))?;
    socket.set_nonblocking(true)?;
    let hops = i32::from(distance);
    match to.is_ipv4() {
        true => setsockopt(&socket, sockopt::Ipv4Ttl, &hops)?,
        false => setsockopt(&socket, sockopt::Ipv6Ttl, &hops)?,
    }
    icmp::watch(&socket)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn on_loopback_there_is_no_router() {
        let there = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = there.local_addr().unwrap();
        assert_eq!(hops(to, 2, vec![1], &CancellationToken::new()).await, Ok(vec![]));
    }
}
