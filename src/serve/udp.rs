//! The responder's UDP side: thousands of sockets on one thread, each datagram handed to the
//! [`Reflector`] and its answer sent from the socket it came to. Knows no rule of what is answered.
//!
//! A sweep sends one datagram to each port, so that batches on one socket (recvmmsg) have nothing to gather; a receive
//! and a send a datagram, and one epoll_wait for up to [`EVENTS`] sockets, is what there is to pay.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use socket2::{Domain, Type};

use super::counters::Tally;
use super::datagram::{self, Received};
use super::door::{self, Door, Inside};
use super::flow::{self, Flows};
use super::web::gate::Gate;
use crate::net::clock;
use crate::session::reflector::{Ends, Incoming, LONGEST, Reflector, Refusal};
use crate::session::stamp::{Answer, Seen};
use crate::wire::flow::is_flow;

/// Sockets that one wake-up may report.
const EVENTS: usize = 1024;

/// Where few sockets are busy, each is read so often before the others are looked at again.
const TURNS: usize = 32;

/// The event of the door: someone asks for a session, or the loop is to end.
const WAKE: u64 = u64::MAX;

/// One UDP socket of the responder.
pub(super) struct Socket {
    socket: UdpSocket,
    /// Address and port it is bound to.
    pub(super) local: SocketAddr,
}

impl Socket {
    /// Binds `at`. A wildcard socket is told the address each datagram was sent to, so that its answer leaves from
    /// there. No address reuse: two programs on one port would share its datagrams.
    pub(super) fn open(at: SocketAddr) -> io::Result<Self> {
        let socket = socket2::Socket::new(Domain::for_address(at), Type::DGRAM.nonblocking(), None)?;
        if at.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        datagram::ask_for(&socket, at.is_ipv4(), at.ip().is_unspecified())?;
        socket.bind(&at.into())?;
        let local = if at.port() == 0 { socket.local_addr()?.as_socket().unwrap_or(at) } else { at };
        Ok(Self { socket: socket.into(), local })
    }

    /// A second handle, for who sends from it too.
    pub(super) fn handle(&self) -> io::Result<UdpSocket> {
        self.socket.try_clone()
    }

    fn receive(&self, buf: &mut [u8]) -> io::Result<Received> {
        datagram::receive(&self.socket, buf, self.local)
    }

    fn send(&self, bytes: &[u8], received: &Received, tos: Option<u8>) -> io::Result<()> {
        let from = received.to.map(|to| to.ip()).filter(|_| self.local.ip().is_unspecified());
        datagram::send(&self.socket, bytes, from, received.from, tos)
    }

    /// Sends from one of the machine's own addresses to somewhere else than where the request came from.
    fn send_aside(&self, bytes: &[u8], ends: Ends) -> io::Result<()> {
        let from = Some(ends.from.ip()).filter(|_| self.local.ip().is_unspecified());
        datagram::send(&self.socket, bytes, from, ends.to, None)
    }
}

/// The thread that serves all UDP sockets. Dropping it ends the thread without waiting.
pub(super) struct UdpThread {
    door: Door,
    thread: Option<JoinHandle<()>>,
}

impl UdpThread {
    /// Answers leave from another socket than the one that was asked only where its port is one of `aside`.
    pub(super) fn start(
        sockets: Vec<Socket>,
        aside: &[u16],
        reflector: Reflector,
        flows: Flows,
        (tally, gate): (Arc<Tally>, Option<Arc<Gate>>),
    ) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let (door, inside) = door::new()?;
        // The event descriptor is inside's too, and so stays open as long as epoll watches it.
        epoll.add(&*inside.wake, EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
        for (place, socket) in sockets.iter().enumerate() {
            epoll.add(&socket.socket, EpollEvent::new(EpollFlags::EPOLLIN, place as u64))?;
        }
        let places = sockets.iter().map(|s| s.local).zip(0..).filter(|(at, _)| aside.contains(&at.port())).collect();
        let mut worker = Worker { sockets, places, reflector, flows, tally, gate, inside };
        let run = move || worker.run(&epoll);
        let thread = std::thread::Builder::new().name("responder-udp".to_owned()).spawn(run)?;
        Ok(Self { door, thread: Some(thread) })
    }

    /// Where sessions are asked for.
    pub(super) fn door(&self) -> Door {
        self.door.clone()
    }

    /// Ends the thread and waits until its sockets are closed.
    pub(super) fn join(mut self) {
        self.door.stop();
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the UDP thread had panicked");
        }
    }
}

impl Drop for UdpThread {
    fn drop(&mut self) {
        self.door.stop();
    }
}

struct Worker {
    sockets: Vec<Socket>,
    /// Where in `sockets` those are that answer for others.
    places: HashMap<SocketAddr, usize>,
    reflector: Reflector,
    flows: Flows,
    tally: Arc<Tally>,
    /// To peers of browsers, where there are any.
    gate: Option<Arc<Gate>>,
    inside: Inside,
}

impl Worker {
    fn run(&mut self, epoll: &Epoll) {
        let mut events = vec![EpollEvent::empty(); EVENTS];
        let (mut buf, mut answer) = ([0; LONGEST], [0; LONGEST]);
        loop {
            let ready = match epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(ready) => events.get(..ready).unwrap_or_default(),
                Err(Errno::EINTR) => continue,
                Err(e) => return tracing::error!("waiting for datagrams failed: {e}"),
            };
            let now = clock::now();
            let turns = if ready.len() < TURNS { TURNS } else { 1 };
            for event in ready {
                match event.data() {
                    WAKE if !self.inside.attend(&mut self.reflector, now) => return,
                    WAKE => {}
                    place => self.serve(place as usize, turns, now, &mut buf, &mut answer),
                }
            }
        }
    }

    /// Up to `turns` datagrams of one socket.
    fn serve(&mut self, place: usize, turns: usize, now: Instant, buf: &mut [u8], answer: &mut [u8]) {
        let Self { sockets, places, reflector, flows, tally, gate, .. } = self;
        let Some(socket) = sockets.get(place) else { return };
        for _ in 0..turns {
            // Also an error that an earlier answer met (ICMP) ends here; the next wake-up reads on.
            let Ok(received) = socket.receive(buf) else { return };
            let bytes = buf.get(..received.length).unwrap_or_default();
            if gate.as_ref().is_some_and(|gate| gate.takes(socket.local, received.from, received.to, bytes)) {
                continue;
            }
            let flow = is_flow(buf.get(..received.length).unwrap_or_default());
            let judged = match flow {
                true => count(reflector, flows, socket, &received, buf, answer),
                false => judge(reflector, &received, buf, now, answer),
            };
            match judged {
                Ok(Answer { len: 0, .. }) => {}
                Err(refusal) => tally.refused(refusal),
                Ok(Answer { len, tos, ends }) => {
                    let bytes = answer.get(..len).unwrap_or_default();
                    let sent = match ends {
                        None => socket.send(bytes, &received, tos),
                        Some(ends) => match from_place(places, ends.from).and_then(|place| sockets.get(place)) {
                            Some(other) => other.send_aside(bytes, ends),
                            // To another port from the socket that was asked, which need be none of those.
                            None => socket.send_aside(bytes, ends),
                        },
                    };
                    match sent {
                        Ok(()) => tally.answered(),
                        Err(_) => tally.send_failed(),
                    }
                }
            }
        }
    }
}

/// The socket that sends from `at`: its own, or that of all addresses.
fn from_place(places: &HashMap<SocketAddr, usize>, at: SocketAddr) -> Option<usize> {
    let any: IpAddr = if at.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    places.get(&at).or_else(|| places.get(&SocketAddr::new(any, at.port()))).copied()
}

/// How long ago the kernel took a datagram; nothing where it did not say, or the wall clock was set meanwhile.
fn waited(at: Option<Duration>) -> Duration {
    let ago = at.and_then(|at| clock::wall().checked_sub(at));
    ago.filter(|ago| *ago < Duration::from_secs(1)).unwrap_or_default()
}

/// Hands a flow's datagram over, if its ends may be those of a flow.
fn count(
    reflector: &mut Reflector,
    flows: &mut Flows,
    socket: &Socket,
    received: &Received,
    buf: &[u8],
    answer: &mut [u8],
) -> Result<Answer, Refusal> {
    let Received { from, to: Some(to), told, .. } = received else { return Err(Refusal::Destination) };
    let from = SocketAddr::new(from.ip().to_canonical(), from.port());
    reflector.check_client(from, *to)?;
    let bytes = buf.get(..received.length).unwrap_or_default();
    if !flows.has_shown(bytes, from) {
        reflector.take(from.ip(), false, clock::now())?;
    }
    let incoming = flow::Incoming {
        bytes,
        from,
        socket: &socket.socket,
        answer_from: Some(to.ip()).filter(|_| socket.local.ip().is_unspecified()),
        tos: told.tos,
        waited: waited(told.at),
        dropped: told.dropped,
    };
    let len = flows.handle(&incoming, &mut reflector.sessions, answer)?;
    // DSCP alone: what ECN told of the way here is not said of the way back.
    Ok(Answer { len, tos: told.tos.map(|tos| tos & !3), ends: None })
}

/// Hands one datagram over with what the kernel told of it.
fn judge(
    reflector: &mut Reflector,
    received: &Received,
    buf: &[u8],
    now: Instant,
    answer: &mut [u8],
) -> Result<Answer, Refusal> {
    let told = received.told;
    let (Some(to), false) = (received.to, told.cut) else {
        return Err(if told.cut { Refusal::Malformed } else { Refusal::Destination });
    };
    let bytes = buf.get(..received.length).unwrap_or_default();
    let sending = clock::wall();
    let seen =
        Seen { to, received: told.at.unwrap_or(sending), sending, ttl: told.ttl, tos: told.tos, dropped: told.dropped };
    reflector.handle(&Incoming { from: received.from, bytes, now, seen }, answer)
}
