//! The first routers of a way, by datagrams whose time to live ends there (unprivileged: the error queue names who dropped
//! them). Knows nothing of what routers' addresses mean.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{setsockopt, sockopt};
use tokio_util::sync::CancellationToken;

use super::icmp::{self, ErrorQueue};
use super::several::any;
use super::{clock, thread};
use crate::model::{Failure, Step};
use crate::session::Meaning;

/// Routers answer at once, and seldom: one datagram each way may be lost, more of them would only use up what a router
/// sends of such errors.
const TRIES: usize = 2;
const WAIT: Duration = Duration::from_millis(350);

/// One router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// 1 is the nearest.
    pub distance: u8,
    pub address: IpAddr,
}

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
    let mut found: Vec<Hop> = Vec::new();
    let missing = |found: &[Hop], distance: u8| !found.iter().any(|h| h.distance == distance);
    for _ in 0..TRIES {
        for (_, socket) in sockets.iter().filter(|(d, _)| missing(&found, *d)) {
            // A socket whose last datagram was refused says so once, and sends the next time.
            let _ = socket.send_to(bytes, to);
        }
        let until = clock::now() + WAIT;
        while clock::now() < until && !cancel.is_cancelled() && sockets.iter().any(|(d, _)| missing(&found, *d)) {
            let mut fds: Vec<_> = sockets.iter().map(|(_, s)| PollFd::new(s.as_fd(), PollFlags::empty())).collect();
            // Errors wake it whatever is asked for; an answer of the far end does not.
            let _ = poll(&mut fds, PollTimeout::from(20u8));
            for (distance, socket) in &sockets {
                let mut queue = ErrorQueue::of(socket);
                let errors = std::iter::from_fn(|| queue.take()).flatten();
                let address = errors.filter(|e| e.meaning() == Meaning::TimeExceeded).find_map(|e| e.from);
                if let Some(address) = address.filter(|_| missing(&found, *distance)) {
                    found.push(Hop { distance: *distance, address });
                }
            }
        }
    }
    found.sort_unstable_by_key(|h| h.distance);
    Ok(found)
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
