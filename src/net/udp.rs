//! Drives a session over UDP sockets, on a thread of its own: sends what is due, hands in what comes, ICMP errors
//! included, and stops at the deadline or when told to. Knows neither what a session is about nor what its outcome means.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{setsockopt, sockopt::RcvBufForce};
use socket2::{Domain, Protocol, Socket, Type};
use tokio_util::sync::CancellationToken;

use super::icmp::{self, ErrorQueue};
use super::{clock, thread};
use crate::model::{Failure, Step};
use crate::session::{SendError, Session};

/// Room for the answers of a second at 20,000 a second: the kernel's own size loses dozens.
const RECEIVE_BUFFER: usize = 4 << 20;

/// The longest sleep, so that a cancellation is soon seen.
const NAP: Duration = Duration::from_millis(50);

/// So many datagrams are taken from one socket before the others and the sending have their turn.
const TURN: usize = 256;

/// More source ports than this gain nothing.
const MOST_SOCKETS: usize = 4;

/// A full send queue is given this long to drain.
const SEND_PATIENCE: Duration = Duration::from_millis(20);

/// Why a drive ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The session was over.
    Finished,
    /// The deadline came first.
    Deadline,
    /// It was cancelled.
    Cancelled,
    /// The stream that carried it broke.
    Cut,
}

/// Until when a driver may sleep whose session is to wake at `wake`, or why it is over.
pub(super) fn next(
    wake: Option<Instant>,
    now: Instant,
    deadline: Instant,
    cancel: &CancellationToken,
) -> Result<Instant, Stop> {
    match wake {
        None => Err(Stop::Finished),
        Some(_) if cancel.is_cancelled() => Err(Stop::Cancelled),
        Some(_) if now >= deadline => Err(Stop::Deadline),
        Some(wake) => Ok(wake.min(deadline).min(now + NAP)),
    }
}

/// How a session is to be driven.
#[derive(Clone, Debug)]
pub struct Drive {
    /// Its family chooses that of the sockets.
    pub target: IpAddr,
    /// How many sockets, each with a source port of its own; one to four.
    pub sockets: usize,
    /// No longer than this.
    pub deadline: Duration,
    /// Ends it early.
    pub cancel: CancellationToken,
    /// The step that a failure to open a socket belongs to.
    pub step: Step,
}

impl Drive {
    /// Runs the session that `make` makes at the moment when sockets are open, tells `progress` of it now and then, and
    /// hands the session back. It ends too when the returned future is dropped. `Err`: no socket could be opened.
    pub async fn run<S: Session + Send + 'static>(
        self,
        make: impl FnOnce(Instant) -> S + Send + 'static,
        progress: impl Fn(u32, u32) + Send + 'static,
    ) -> Result<(S, Stop), Failure> {
        self.open_and_drive(move |now, _| Ok(make(now)), progress).await
    }

    /// The same for one socket and a session that says where it sends from: `make` is told the socket's address and port, as
    /// datagrams to the target will bear them.
    pub async fn run_from<S: Session + Send + 'static>(
        self,
        make: impl FnOnce(Instant, SocketAddr) -> S + Send + 'static,
    ) -> Result<(S, Stop), Failure> {
        let target = self.target;
        let make = move |now, sockets: &Sockets| Ok(make(now, sockets.local(target)?));
        self.open_and_drive(make, |_, _| {}).await
    }

    async fn open_and_drive<S: Session + Send + 'static>(
        self,
        make: impl FnOnce(Instant, &Sockets) -> io::Result<S> + Send + 'static,
        progress: impl Fn(u32, u32) + Send + 'static,
    ) -> Result<(S, Stop), Failure> {
        let (cancel, step) = (self.cancel.clone(), self.step);
        let work = move |cancel: &CancellationToken| {
            let mut sockets = Sockets::open(self.target, self.sockets)?;
            let start = clock::now();
            let mut session = make(start, &sockets)?;
            let stop = sockets.drive(&mut session, start + self.deadline, cancel, &progress);
            Ok((session, stop))
        };
        thread::own("udp", step, &cancel, work).await
    }
}

/// A few sockets of one family, each with its error queue.
struct Sockets(Vec<(UdpSocket, ErrorQueue)>);

impl Sockets {
    fn open(target: IpAddr, count: usize) -> io::Result<Self> {
        let one = || {
            let socket = open(target)?;
            let queue = ErrorQueue::of(&socket);
            Ok((socket, queue))
        };
        (0..count.clamp(1, MOST_SOCKETS)).map(|_| one()).collect::<io::Result<_>>().map(Self)
    }

    /// Where the first socket sends from to `target`: the routing table says it to a socket that sends nothing. Without a
    /// route it is the unspecified address, and sending will say why.
    fn local(&self, target: IpAddr) -> io::Result<SocketAddr> {
        let (socket, _) = self.0.first().ok_or(ErrorKind::NotFound)?;
        let bound = socket.local_addr()?;
        // Port 9 is "discard"; any would do.
        let towards =
            UdpSocket::bind((bound.ip(), 0)).and_then(|s| s.connect((target, 9)).and_then(|()| s.local_addr()));
        Ok(SocketAddr::new(towards.map_or(bound.ip(), |local| local.ip()), bound.port()))
    }

    fn drive(
        &mut self,
        session: &mut impl Session,
        deadline: Instant,
        cancel: &CancellationToken,
        progress: &impl Fn(u32, u32),
    ) -> Stop {
        let mut buf = [0; 2048];
        let mut told = clock::now();
        loop {
            let now = clock::now();
            self.send_due(session, now, &mut buf);
            let until = match next(session.wake(), now, deadline, cancel) {
                Ok(until) => until,
                Err(stop) => return stop,
            };
            if now.saturating_duration_since(told) >= NAP * 2 {
                told = now;
                let (done, total) = session.progress();
                progress(done, total);
            }
            self.wait(until);
            self.receive(session, &mut buf);
        }
    }

    /// Sends all that is due.
    fn send_due(&mut self, session: &mut impl Session, now: Instant, buf: &mut [u8]) {
        while let Some(transmit) = session.poll_transmit(now, buf) {
            let index = usize::from(transmit.to.port()) % self.0.len().max(1);
            let Some((socket, queue)) = self.0.get_mut(index) else { return };
            let bytes = buf.get(..transmit.len).unwrap_or_default();
            if let Err(error) = send(socket, queue, session, now, bytes, transmit.to) {
                session.on_send_error(now, transmit.to, error);
            }
        }
    }

    /// Sleeps until something comes or `until`; whole milliseconds, because a sender that is a millisecond late catches
    /// up within the burst it is allowed.
    fn wait(&self, until: Instant) {
        let left = until.saturating_duration_since(clock::now());
        let millis = u16::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
        let mut all = self.0.iter().cycle();
        let Some((first, _)) = all.next() else { return };
        let next = |_| PollFd::new(all.next().map_or(first, |(socket, _)| socket).as_fd(), PollFlags::POLLIN);
        // Asking for one socket twice does no harm, and an array needs no allocation.
        let mut fds: [PollFd<'_>; MOST_SOCKETS] = std::array::from_fn(next);
        // EINTR is as good as a time-out: the loop looks again.
        let _ = poll(&mut fds, PollTimeout::from(millis));
    }

    /// Hands in all that came, errors first: reading them clears what would fail the next call.
    fn receive(&mut self, session: &mut impl Session, buf: &mut [u8]) {
        for (socket, queue) in &mut self.0 {
            drain(queue, session, clock::now());
            for _ in 0..TURN {
                match socket.recv_from(buf) {
                    Ok((len, from)) => session.on_datagram(clock::now(), from, buf.get(..len).unwrap_or_default()),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(_) => drain(queue, session, clock::now()),
                }
            }
        }
    }
}

/// Hands in the ICMP errors of a socket.
fn drain(queue: &mut ErrorQueue, session: &mut impl Session, now: Instant) {
    for error in std::iter::from_fn(|| queue.take()).take(TURN).flatten() {
        session.on_icmp(now, &error);
    }
}

/// Sends one datagram. An error that an earlier datagram's ICMP left behind is handed in and the datagram sent again;
/// a full queue is waited for a little.
fn send(
    socket: &UdpSocket,
    queue: &mut ErrorQueue,
    session: &mut impl Session,
    now: Instant,
    bytes: &[u8],
    to: SocketAddr,
) -> Result<(), SendError> {
    let patience = now + SEND_PATIENCE;
    let mut tries = 0;
    loop {
        let Err(error) = socket.send_to(bytes, to) else { return Ok(()) };
        let full = error.kind() == ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS);
        if full && clock::now() < patience {
            let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
            let _ = poll(&mut fds, PollTimeout::from(1u8));
            std::thread::sleep(Duration::from_micros(200));
            continue;
        }
        drain(queue, session, now);
        tries += 1;
        if full || tries > 3 {
            return Err(icmp::send_error(&error));
        }
    }
}

/// One socket: any port, not blocking, a large receive buffer, ICMP errors kept.
pub(super) fn open(target: IpAddr) -> io::Result<UdpSocket> {
    let (domain, any): (_, IpAddr) = match target {
        IpAddr::V4(_) => (Domain::IPV4, Ipv4Addr::UNSPECIFIED.into()),
        IpAddr::V6(_) => (Domain::IPV6, Ipv6Addr::UNSPECIFIED.into()),
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if target.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    // Beyond the system's limit where we may, up to it where we may not; a smaller buffer only costs repetitions.
    if setsockopt(&socket, RcvBufForce, &RECEIVE_BUFFER).is_err() {
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    }
    socket.bind(&SocketAddr::new(any, 0).into())?;
    let socket = UdpSocket::from(socket);
    icmp::watch(&socket)?;
    Ok(socket)
}

#[cfg(test)]
mod tests;
