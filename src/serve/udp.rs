//! The responder's UDP side: thousands of sockets on one thread, each datagram handed to the
//! [`Reflector`] and its answer sent from the socket it came to. Knows no rule of what is answered.
//!
//! A sweep sends one datagram to each port, so that batches on one socket (recvmmsg) have nothing to gather; a receive
//! and a send a datagram, and one epoll_wait for up to [`EVENTS`] sockets, is what there is to pay.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use socket2::{Domain, Type};

use super::counters::Tally;
use super::pktinfo::{self, Received};
use crate::net::clock;
use crate::session::reflector::{Reflector, Refusal};
use crate::wire::stun::MAX_WRITTEN;

/// Sockets that one wake-up may report.
const EVENTS: usize = 1024;

/// Where few sockets are busy, each is read so often before the others are looked at again.
const TURNS: usize = 32;

/// Longer datagrams are cut off, and refused for it: no request of STUN is nearly as long.
const LONGEST: usize = 2048;

/// The event that ends the loop.
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
        if at.ip().is_unspecified() {
            pktinfo::ask_for(&socket, at.is_ipv4())?;
        }
        socket.bind(&at.into())?;
        let local = if at.port() == 0 { socket.local_addr()?.as_socket().unwrap_or(at) } else { at };
        Ok(Self { socket: socket.into(), local })
    }

    fn receive(&self, buf: &mut [u8]) -> io::Result<Received> {
        if self.local.ip().is_unspecified() {
            return pktinfo::receive(&self.socket, buf, self.local.port());
        }
        let (length, from) = self.socket.recv_from(buf)?;
        Ok(Received { length, from, to: Some(self.local) })
    }

    fn send(&self, bytes: &[u8], received: &Received) -> io::Result<()> {
        match received.to {
            Some(to) if self.local.ip().is_unspecified() => pktinfo::send(&self.socket, bytes, to.ip(), received.from),
            _ => self.socket.send_to(bytes, received.from).map(|_| ()),
        }
    }
}

/// The thread that serves all UDP sockets. Dropping it ends the thread without waiting.
pub(super) struct UdpThread {
    wake: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
}

impl UdpThread {
    pub(super) fn start(sockets: Vec<Socket>, reflector: Reflector, tally: Arc<Tally>) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let wake = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
        epoll.add(&*wake, EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
        for (place, socket) in sockets.iter().enumerate() {
            epoll.add(&socket.socket, EpollEvent::new(EpollFlags::EPOLLIN, place as u64))?;
        }
        let mut worker = Worker { sockets, reflector, tally };
        // The event descriptor stays open as long as epoll watches it.
        let held = wake.clone();
        let run = move || {
            worker.run(&epoll);
            drop(held);
        };
        let thread = std::thread::Builder::new().name("responder-udp".to_owned()).spawn(run)?;
        Ok(Self { wake, thread: Some(thread) })
    }

    /// Ends the thread and waits until its sockets are closed.
    pub(super) fn join(mut self) {
        let _ = self.wake.write(1);
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the UDP thread had panicked");
        }
    }
}

impl Drop for UdpThread {
    fn drop(&mut self) {
        let _ = self.wake.write(1);
    }
}

struct Worker {
    sockets: Vec<Socket>,
    reflector: Reflector,
    tally: Arc<Tally>,
}

impl Worker {
    fn run(&mut self, epoll: &Epoll) {
        let mut events = vec![EpollEvent::empty(); EVENTS];
        let mut buf = [0; LONGEST];
        loop {
            let ready = match epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(ready) => events.get(..ready).unwrap_or_default(),
                Err(Errno::EINTR) => continue,
                Err(e) => return tracing::error!("waiting for datagrams failed: {e}"),
            };
            let now = clock::now();
            let turns = if ready.len() < TURNS { TURNS } else { 1 };
            for event in ready {
                if event.data() == WAKE {
                    return;
                }
                self.serve(event.data() as usize, turns, now, &mut buf);
            }
        }
    }

    /// Up to `turns` datagrams of one socket.
    fn serve(&mut self, place: usize, turns: usize, now: Instant, buf: &mut [u8; LONGEST]) {
        let Self { sockets, reflector, tally } = self;
        let Some(socket) = sockets.get(place) else { return };
        let mut answer = [0; MAX_WRITTEN];
        for _ in 0..turns {
            // Also an error that an earlier answer met (ICMP) ends here; the next wake-up reads on.
            let Ok(received) = socket.receive(buf) else { return };
            let Some(datagram) = buf.get(..received.length) else { return };
            let judged = match received.to {
                Some(to) => reflector.handle(now, received.from, to, datagram, &mut answer),
                None => Err(Refusal::Destination),
            };
            match judged {
                Err(refusal) => tally.refused(refusal),
                Ok(length) => match socket.send(answer.get(..length).unwrap_or_default(), &received) {
                    Ok(()) => tally.answered(),
                    Err(_) => tally.send_failed(),
                },
            }
        }
    }
}
