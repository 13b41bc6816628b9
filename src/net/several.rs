//! Drives a session that has several sockets, on a thread of its own: opens them when they are first used, sends what is
//! due, hands in what comes to which of them. Knows neither what a session is about nor what its outcome means.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, Socket, Type};
use tokio_util::sync::CancellationToken;

use super::icmp::{self, ErrorQueue};
use super::udp::{self, Stop};
use super::{clock, thread};
use crate::model::{Failure, Step};
use crate::session::nat::Sockets;

/// No session needs more.
const MOST_SOCKETS: usize = 64;

/// So many datagrams are taken from one socket before the others have their turn.
const TURN: usize = 64;

/// How often a datagram is tried that an earlier one's ICMP error stood in the way of.
const TRIES: usize = 4;

/// How such a session is to be driven.
#[derive(Clone, Debug)]
pub struct Several {
    /// The address to send from, which every socket is bound to; an unspecified one of the family where the system is to
    /// choose for each datagram.
    pub source: IpAddr,
    /// No longer than this.
    pub deadline: Duration,
    /// Ends it early.
    pub cancel: CancellationToken,
    /// The step that a failure to open a socket belongs to.
    pub step: Step,
}

impl Several {
    /// Runs the session that `make` makes and hands it back. It ends too when the returned future is dropped.
    ///
    /// # Errors
    /// The first socket could not be opened.
    pub async fn run<S: Sockets + Send + 'static>(
        self,
        make: impl FnOnce(Instant) -> S + Send + 'static,
    ) -> Result<(S, Stop), Failure> {
        let (cancel, step) = (self.cancel.clone(), self.step);
        let work = move |cancel: &CancellationToken| {
            let mut open = Open { source: self.source, sockets: Vec::new() };
            open.sockets.push(open_from(self.source)?);
            let start = clock::now();
            let mut session = make(start);
            open.tell(&mut session, 0);
            let stop = open.drive(&mut session, start + self.deadline, cancel);
            Ok((session, stop))
        };
        thread::own("several", step, &cancel, work).await
    }
}

/// An unspecified address of the family of `to`.
pub fn any(to: IpAddr) -> IpAddr {
    if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

struct Open {
    source: IpAddr,
    sockets: Vec<(UdpSocket, ErrorQueue)>,
}

impl Open {
    fn drive(&mut self, session: &mut impl Sockets, deadline: Instant, cancel: &CancellationToken) -> Stop {
        let mut buf = [0; 2048];
        loop {
            self.send_due(session, &mut buf);
            match udp::next(session.wake(), clock::now(), deadline, cancel) {
                Ok(until) => self.wait(until),
                Err(stop) => return stop,
            }
            self.receive(session, &mut buf);
        }
    }

    /// Tells the session of a socket.
    fn tell(&self, session: &mut impl Sockets, number: usize) {
        if let Some(Ok(local)) = self.sockets.get(number).map(|(socket, _)| socket.local_addr()) {
            session.on_open(number, local);
        }
    }

    /// Sends all that is due, from sockets that are opened for it.
    fn send_due(&mut self, session: &mut impl Sockets, buf: &mut [u8]) {
        let mut now = clock::now();
        while let Some((number, transmit)) = session.poll_transmit(now, buf) {
            let bytes = buf.get(..transmit.len).unwrap_or_default();
            if let Err(error) = self.send(session, number, bytes, transmit.to) {
                session.on_send_error(now, number, transmit.to, icmp::send_error(&error));
            }
            now = clock::now();
        }
    }

    fn send(&mut self, session: &mut impl Sockets, number: usize, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
        while self.sockets.len() <= number {
            if number >= MOST_SOCKETS {
                return Err(io::Error::from_raw_os_error(libc::EMFILE));
            }
            self.sockets.push(open_from(self.source)?);
            self.tell(session, self.sockets.len() - 1);
        }
        let Some((socket, queue)) = self.sockets.get_mut(number) else { return Ok(()) };
        let mut tries = 0;
        loop {
            let Err(error) = socket.send_to(bytes, to) else { return Ok(()) };
            tries += 1;
            if tries >= TRIES || error.kind() == ErrorKind::WouldBlock {
                return Err(error);
            }
            drain(number, queue, session);
        }
    }

    /// Sleeps until something comes or `until`, in whole milliseconds.
    fn wait(&self, until: Instant) {
        let left = until.saturating_duration_since(clock::now());
        let millis = u16::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
        let mut fds: Vec<_> = self.sockets.iter().map(|(s, _)| PollFd::new(s.as_fd(), PollFlags::POLLIN)).collect();
        // EINTR is as good as a time-out: the loop looks again.
        let _ = poll(&mut fds, PollTimeout::from(millis));
    }

    /// Hands in all that came, errors first: reading them clears what would fail the next call.
    fn receive(&mut self, session: &mut impl Sockets, buf: &mut [u8]) {
        for (number, (socket, queue)) in self.sockets.iter_mut().enumerate() {
            drain(number, queue, session);
            for _ in 0..TURN {
                match socket.recv_from(buf) {
                    Ok((len, from)) => {
                        session.on_datagram(clock::now(), number, from, buf.get(..len).unwrap_or_default());
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(_) => drain(number, queue, session),
                }
            }
        }
    }
}

fn drain(number: usize, queue: &mut ErrorQueue, session: &mut impl Sockets) {
    for error in std::iter::from_fn(|| queue.take()).take(TURN).flatten() {
        session.on_icmp(clock::now(), number, &error);
    }
}

/// One socket on `source`: any port, not blocking, ICMP errors kept.
fn open_from(source: IpAddr) -> io::Result<(UdpSocket, ErrorQueue)> {
    let domain = if source.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if source.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    let socket = UdpSocket::from(socket);
    icmp::watch(&socket)?;
    let queue = ErrorQueue::of(&socket);
    Ok((socket, queue))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{IcmpError, SendError, Transmit};

    /// Sends one byte from each of three sockets to `to`, and is over when all were answered, or refused.
    #[derive(Default)]
    struct Three {
        to: Option<SocketAddr>,
        locals: Vec<SocketAddr>,
        next: usize,
        came: Vec<(usize, u8)>,
        refused: usize,
        end: Option<Instant>,
    }

    impl Sockets for Three {
        fn on_open(&mut self, number: usize, local: SocketAddr) {
            assert_eq!(number, self.locals.len());
            self.locals.push(local);
        }
        fn poll_transmit(&mut self, _: Instant, buf: &mut [u8]) -> Option<(usize, Transmit)> {
            let number = self.next;
            self.next += 1;
            buf[0] = number as u8;
            (number < 3).then_some((number, Transmit { to: self.to?, len: 1 }))
        }
        fn wake(&self) -> Option<Instant> {
            self.end.filter(|_| self.came.len() + self.refused < 3)
        }
        fn on_datagram(&mut self, _: Instant, number: usize, _: SocketAddr, bytes: &[u8]) {
            self.came.push((number, bytes[0]));
        }
        fn on_icmp(&mut self, _: Instant, _: usize, _: &IcmpError) {
            self.refused += 1;
        }
        fn on_send_error(&mut self, _: Instant, _: usize, _: SocketAddr, _: SendError) {}
    }

    async fn driven(to: SocketAddr) -> (Three, Stop) {
        let several = Several {
            source: [127, 0, 0, 1].into(),
            deadline: Duration::from_secs(10),
            cancel: CancellationToken::new(),
            step: Step::Mapping,
        };
        let make = move |now| Three { to: Some(to), end: Some(now + Duration::from_secs(9)), ..Three::default() };
        several.run(make).await.unwrap()
    }

    #[tokio::test]
    async fn each_socket_is_opened_once_and_hears_its_own() {
        let echo = UdpSocket::bind("127.0.0.1:0").unwrap();
        echo.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let to = echo.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            let mut buf = [0; 8];
            (0..3)
                .map(|_| {
                    let (len, from) = echo.recv_from(&mut buf).unwrap();
                    echo.send_to(&buf[..len], from).unwrap();
                    from
                })
                .collect::<Vec<_>>()
        });
        let (mut session, stop) = driven(to).await;
        session.came.sort_unstable();
        assert_eq!((session.came, stop), (vec![(0, 0), (1, 1), (2, 2)], Stop::Finished));
        assert_eq!(session.locals, thread.join().unwrap());
    }

    #[tokio::test]
    async fn refusals_are_handed_in() {
        let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (session, stop) = driven(closed).await;
        assert_eq!((session.refused, stop), (3, Stop::Finished));
    }
}
