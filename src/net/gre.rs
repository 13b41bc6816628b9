//! Drives a knocking at a GRE endpoint over a raw socket (IP protocol 47), which needs a privilege: sends what is due, hands
//! in what comes from the peer, ICMP errors about our own packets included, and stops at the deadline or when told to.
//! Knows no verdict.

use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use socket2::{Domain, Protocol, Socket, Type};
use tokio_util::sync::CancellationToken;

use super::icmp::{self, ErrorQueue};
use super::udp::{self, Stop};
use super::{chance, clock, thread};
use crate::model::schedule::Schedule;
use crate::model::{Failure, FailureKind, Step};
use crate::session::Session;
use crate::session::gre::{Knock, Outcome};
use crate::wire::gre;

/// So much is taken at once: a busy tunnel to the same peer must not keep us from sending.
const TURN: usize = 32;

/// An ICMP error of an earlier packet fails the next call once.
const TRIES: usize = 4;

/// Knocks at `target` until something shows itself, the schedule is over, `deadline` comes, or it is cancelled.
///
/// # Errors
/// No raw socket could be opened; without the privilege it is [`FailureKind::NoPrivilege`].
pub async fn knock(
    target: IpAddr,
    schedule: Schedule,
    deadline: Duration,
    cancel: &CancellationToken,
) -> Result<(Outcome, Stop), Failure> {
    let run = move |cancel: &CancellationToken| {
        let opened = match Raw::open(target) {
            Err(error) if is_privilege(&error) => return Ok(Err(no_privilege())),
            Err(error) if is_route(&error) => {
                return Ok(Err(icmp::not_sent(Step::Gre, icmp::send_error(&error), target)));
            }
            opened => opened?,
        };
        let start = clock::now();
        let token = u32::from_ne_bytes(chance::bytes());
        let mut session = Knock::new(start, target, opened.local, token, schedule);
        let stop = opened.drive(&mut session, start + deadline, cancel);
        Ok(Ok((session.finish(), stop)))
    };
    thread::own("gre", Step::Gre, cancel, run).await?
}

fn is_privilege(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES))
}

fn is_route(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENETUNREACH | libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT | libc::EHOSTUNREACH)
    )
}

/// Says how to grant it, with the path of this program.
fn no_privilege() -> Failure {
    let path = std::env::current_exe().map_or_else(|_| "PATH/rtc-check".to_owned(), |p| p.display().to_string());
    let detail = format!(
        "GRE needs a raw socket, which this user may not open: run it as root, or grant it once with `sudo setcap cap_net_raw+ep {path}`"
    );
    Failure::new(Step::Gre, FailureKind::NoPrivilege, detail)
}

/// A raw socket that hears one peer alone.
struct Raw {
    socket: Socket,
    target: SocketAddr,
    local: IpAddr,
}

impl Raw {
    fn open(target: IpAddr) -> io::Result<Self> {
        let peer = SocketAddr::new(target, 0);
        let socket = Socket::new(Domain::for_address(peer), Type::RAW, Some(Protocol::from(i32::from(gre::PROTOCOL))))?;
        socket.set_nonblocking(true)?;
        match target.is_ipv4() {
            true => setsockopt(&socket, Ipv4RecvErr, &true)?,
            false => setsockopt(&socket, Ipv6RecvErr, &true)?,
        }
        socket.connect(&peer.into())?;
        let local = socket.local_addr()?.as_socket().ok_or(ErrorKind::AddrNotAvailable)?.ip();
        Ok(Self { socket, target: peer, local })
    }

    fn drive(&self, session: &mut Knock, deadline: Instant, cancel: &CancellationToken) -> Stop {
        let mut queue = ErrorQueue::of(&self.socket);
        loop {
            self.send_due(session, &mut queue);
            let now = clock::now();
            let left = match udp::next(session.wake(), now, deadline, cancel) {
                Ok(until) => until.saturating_duration_since(now),
                Err(stop) => return stop,
            };
            let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
            // EINTR is as good as a time-out: the loop looks again.
            let _ =
                poll(&mut fds, PollTimeout::from(u16::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u16::MAX)));
            drain(session, &mut queue);
            self.receive(session);
        }
    }

    fn send_due(&self, session: &mut Knock, queue: &mut ErrorQueue) {
        let mut buf = [0; 128];
        let now = clock::now();
        while let Some(transmit) = session.poll_transmit(now, &mut buf) {
            let bytes = buf.get(..transmit.len).unwrap_or_default();
            let mut tries = 0;
            while let Err(error) = self.socket.send(bytes) {
                drain(session, queue);
                tries += 1;
                if tries >= TRIES {
                    session.on_send_error(now, transmit.to, icmp::send_error(&error));
                    break;
                }
            }
        }
    }

    fn receive(&self, session: &mut Knock) {
        let mut buf = [0; 256];
        for _ in 0..TURN {
            // A longer packet is cut off; its header is all that counts.
            let Ok(length) = (&self.socket).read(&mut buf) else { return };
            let packet = buf.get(..length).unwrap_or_default();
            let payload = if self.target.is_ipv4() { gre::behind_ipv4(packet) } else { Some(packet) };
            if let Some(payload) = payload {
                session.on_datagram(clock::now(), self.target, payload);
            }
        }
    }
}

/// Hands in ICMP errors that quote a packet of ours; other GRE of this machine to the peer has its own.
fn drain(session: &mut Knock, queue: &mut ErrorQueue) {
    for (error, quote) in std::iter::from_fn(|| queue.take_quoting()).take(TURN).flatten() {
        if session.is_ours(&quote) {
            session.on_icmp(clock::now(), &error);
        }
    }
}
