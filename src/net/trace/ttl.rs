//! The TTL with which TCP answers a SYN, which no socket tells an unprivileged program: of eight connections each has a filter
//! that lets through only what has one bit of it set. A system may forbid such filters; then nothing is told.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::super::clock;

/// Where the filter finds the IP header (`SKF_NET_OFF`).
const HEADER: u32 = 0xfff0_0000;

/// How much later than the first an answer may come.
const SPREAD: Duration = Duration::from_millis(60);

/// The TTL or hop limit of what `to` answers to a SYN, whether it opens or resets; `None` where nothing came within `longest`
/// or the system forbids to look.
pub fn of_answer(to: SocketAddr, longest: Duration) -> Option<u8> {
    // The first has no filter: it tells that there was an answer at all.
    let sockets: Vec<Socket> = (0..9).map(|n| begin(to, n)).collect::<io::Result<_>>().ok()?;
    let mut answered = [false; 9];
    let mut until: Instant = clock::now() + longest;
    while clock::now() < until {
        let waiting = || sockets.iter().zip(answered).filter(|(_, done)| !done).map(|(socket, _)| socket);
        let mut fds: Vec<_> = waiting().map(|s| PollFd::new(s.as_fd(), PollFlags::POLLOUT)).collect();
        let _ = poll(&mut fds, PollTimeout::from(10u8));
        for (socket, done) in sockets.iter().zip(&mut answered) {
            if !*done && is_answered(socket) {
                *done = true;
                until = until.min(clock::now() + SPREAD);
            }
        }
    }
    sockets.iter().for_each(|s| {
        let _ = s.set_linger(Some(Duration::ZERO));
    });
    let [any, bits @ ..] = answered;
    let ttl = bits.iter().enumerate().fold(0u8, |ttl, (bit, set)| ttl | (u8::from(*set) << bit));
    (any && ttl > 0).then_some(ttl)
}

fn is_answered(socket: &Socket) -> bool {
    let refused = socket.take_error().ok().flatten().is_some_and(|e| e.kind() == ErrorKind::ConnectionRefused);
    refused || socket.peer_addr().is_ok()
}

fn begin(to: SocketAddr, number: u32) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if let Some(bit) = number.checked_sub(1) {
        let offset = HEADER + if to.is_ipv4() { 8 } else { 7 };
        // Load the byte, mask the bit, drop where it is not set.
        let program =
            [(0x30, 0, 0, offset), (0x54, 0, 0, 1 << bit), (0x15, 0, 1, 0), (0x06, 0, 0, 0), (0x06, 0, 0, 0xffff)];
        socket.attach_filter(&program.map(|(code, yes, no, value)| SockFilter::new(code, yes, no, value)))?;
    }
    match socket.connect(&to.into()) {
        Err(e) if !matches!(e.raw_os_error(), Some(libc::EINPROGRESS | libc::ECONNREFUSED)) => Err(e),
        _ => Ok(socket),
    }
}
