//! Drives [`PathMtu`] over one UDP socket that never fragments and does not believe what the system has learnt of the path.
//! Knows nothing of what its outcome means.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::setsockopt;
use nix::{setsockopt_impl, sockopt_impl};
use tokio_util::sync::CancellationToken;

use super::icmp::{self, ErrorQueue};
use super::{clock, thread, udp};
use crate::model::{Failure, Step};
use crate::session::path_mtu::{Config, LONGEST, PathMtu};
use crate::session::{Meaning, SendError, Transmit};

sockopt_impl!(MtuDiscover4, SetOnly, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::c_int);
sockopt_impl!(MtuDiscover6, SetOnly, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::c_int);

/// So much is taken from the socket at once.
const TURN: usize = 64;

/// The longest sleep, so that a cancellation is soon seen.
const NAP: Duration = Duration::from_millis(50);

/// Sends what is to be sent and hands the session back; ends at `deadline` in any case.
///
/// # Errors
/// No socket could be opened.
pub async fn run(config: Config, deadline: Duration, cancel: &CancellationToken) -> Result<PathMtu, Failure> {
    let work = move |cancel: &CancellationToken| {
        let target = config.target;
        let socket = udp::open(target)?;
        match target.is_ipv4() {
            true => setsockopt(&socket, MtuDiscover4, &libc::IP_PMTUDISC_PROBE)?,
            false => setsockopt(&socket, MtuDiscover6, &libc::IPV6_PMTUDISC_PROBE)?,
        }
        let start = clock::now();
        let mut session = PathMtu::new(start, config);
        let mut line = Line { queue: ErrorQueue::of(&socket), socket };
        while let Some(wake) = session.wake().filter(|_| !cancel.is_cancelled() && clock::now() < start + deadline) {
            line.send_due(&mut session);
            let sleep = wake.saturating_duration_since(clock::now()).min(NAP);
            let millis = u8::try_from(sleep.as_millis() + 1).unwrap_or(u8::MAX);
            let mut fds = [PollFd::new(line.socket.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut fds, PollTimeout::from(millis));
            line.receive(&mut session);
        }
        Ok(session)
    };
    thread::own("mtu", Step::Stun, cancel, work).await
}

struct Line {
    queue: ErrorQueue,
    socket: UdpSocket,
}

impl Line {
    fn send_due(&mut self, session: &mut PathMtu) {
        let mut buf = [0; LONGEST];
        while let Some(transmit) = session.poll_transmit(clock::now(), &mut buf) {
            if let Err(error) = self.send(session, &buf, transmit) {
                session.on_send_error(clock::now(), transmit.len, icmp::send_error(&error));
            }
        }
    }

    /// An error that an earlier datagram's ICMP left behind is handed in and the datagram sent again.
    fn send(&mut self, session: &mut PathMtu, buf: &[u8], transmit: Transmit) -> io::Result<()> {
        let bytes = buf.get(..transmit.len).unwrap_or_default();
        let Err(first) = self.socket.send_to(bytes, transmit.to) else { return Ok(()) };
        if first.kind() == io::ErrorKind::WouldBlock {
            return Err(first);
        }
        self.errors(session);
        let again = self.socket.send_to(bytes, transmit.to).map(|_| ());
        // What this machine's own link does not take stands in the queue too.
        if again.as_ref().is_err_and(|e| icmp::send_error(e) == SendError::TooBig) {
            self.errors(session);
        }
        again
    }

    fn errors(&mut self, session: &mut PathMtu) {
        let now = clock::now();
        let all: Vec<_> = std::iter::from_fn(|| self.queue.take_told()).take(TURN).flatten().collect();
        for told in all {
            match told.error.meaning() {
                Meaning::TooBig => session.on_too_big(now, told.error.from, told.mtu, &told.quoted),
                Meaning::Refused | Meaning::Prohibited => session.on_refused(now, told.error.to),
                _ => {}
            }
        }
    }

    fn receive(&mut self, session: &mut PathMtu) {
        self.errors(session);
        let mut buf = [0; LONGEST];
        for _ in 0..TURN {
            let Ok((len, from)) = self.socket.recv_from(&mut buf) else { break };
            session.on_datagram(clock::now(), from, buf.get(..len).unwrap_or_default());
        }
    }
}
