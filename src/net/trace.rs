//! Drives a [`Tracer`]: UDP from one socket a flow, TCP by connections whose SYN has the TTL asked for, TLS by the ClientHello
//! over an open connection whose TTL is then lowered; answers are read from sockets and their error queues, without
//! privileges. Knows neither which flows failed nor what their places mean.
//!
//! A TCP flow keeps its source port from one packet to the next, as far as the system lets it; where several hops are asked
//! at once each has a port of its own. What a privileged program could see besides is the TTL of a reset.

mod tcp;
mod ttl;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{setsockopt, sockopt};
use tokio_util::sync::CancellationToken;

use super::icmp::{self, ErrorQueue};
use super::several::any;
use super::{clock, thread};
use crate::model::trace::{Carrier, Flow, Trace, TraceEnd, Ttl};
use crate::model::{Failure, Step};
pub use crate::session::trace::{Aim, Wanted};
use crate::session::trace::{Answer, Ask, Line, Tracer};
use crate::session::{IcmpError, Meaning, SendError};
use crate::wire::stun;
use tcp::Attempt;

/// The longest sleep.
const NAP: Duration = Duration::from_millis(20);

/// How long the answers to SYNs are waited for whose TTL is looked at, and at how many.
const ANSWER: Duration = Duration::from_millis(300);
const MOST_RESETS: usize = 4;

/// So much is taken from one socket at once.
const TURN: usize = 32;

/// So often a datagram is tried that an earlier one's ICMP error stood in the way of.
const TRIES: usize = 4;

/// Traces the flows of `aims` within `longest`, and answers what is known of each, in their order.
///
/// # Errors
/// No thread could be started.
pub async fn trace(aims: Vec<Aim>, longest: Duration, cancel: &CancellationToken) -> Result<Vec<Vec<Trace>>, Failure> {
    thread::own("trace", Step::Connect, cancel, move |cancel| Ok(drive(aims, longest, cancel))).await
}

fn drive(aims: Vec<Aim>, longest: Duration, cancel: &CancellationToken) -> Vec<Vec<Trace>> {
    let start = clock::now();
    let mut open = Open { aims: aims.clone(), udp: BTreeMap::new(), tcp: BTreeMap::new(), ports: BTreeMap::new() };
    let mut tracer = Tracer::new(start, aims.clone(), start + longest);
    while !cancel.is_cancelled() {
        while let Some(ask) = tracer.poll(clock::now()) {
            // Ended rounds first: their source ports are wanted again.
            open.tcp.retain(|number, _| tracer.is_open(*number));
            if let Some(answer) = open.send(&ask) {
                tracer.on_answer(clock::now(), ask.number, answer);
            }
        }
        let Some(wake) = tracer.wake() else { break };
        open.wait(wake.saturating_duration_since(clock::now()).min(NAP));
        open.gather(&mut tracer);
        open.tcp.retain(|number, _| tracer.is_open(*number));
    }
    let mut all = tracer.outcome();
    if !cancel.is_cancelled() {
        look_at_resets(&aims, &mut all, start + longest);
    }
    all
}

/// A reset at the host's distance may still be that of the router right before it: its TTL tells, where the system lets us
/// see it.
fn look_at_resets(aims: &[Aim], all: &mut [Vec<Trace>], until: Instant) {
    for (aim, traces) in aims.iter().zip(all) {
        let left = || until.saturating_duration_since(clock::now()).min(ANSWER);
        let at = |port| SocketAddr::new(aim.address, port);
        let own = |t: &&mut Trace| t.end == TraceEnd::Refused && t.ends_at_host() && t.flow.carrier == Carrier::Tcp;
        let mut host = None;
        for trace in traces.iter_mut().filter(own).take(MOST_RESETS) {
            if aim.control.carrier != Carrier::Tcp {
                break;
            }
            host = host.or_else(|| ttl::of_answer(at(aim.control.port), left()));
            let Some(host) = host else { break };
            trace.ttl = ttl::of_answer(at(trace.flow.port), left()).map(|reset| Ttl { reset, host });
        }
    }
}

/// All sockets of a run.
struct Open {
    aims: Vec<Aim>,
    /// One a flow.
    udp: BTreeMap<(usize, Line), UdpSocket>,
    /// One a packet, by the ask's number.
    tcp: BTreeMap<u32, Attempt>,
    /// Source ports of TCP flows.
    ports: BTreeMap<(usize, Line), u16>,
}

impl Open {
    fn flow(&self, ask: &Ask) -> Option<(SocketAddr, Flow)> {
        let aim = self.aims.get(ask.aim)?;
        let flow = match ask.line {
            Line::Control => aim.control.clone(),
            Line::Flow(n) => aim.flows.get(n)?.flow.clone(),
            Line::OtherName(n) => {
                let wanted = aim.flows.get(n)?;
                Flow { name: wanted.other_name.clone(), ..wanted.flow.clone() }
            }
        };
        Some((SocketAddr::new(aim.address, flow.port), flow))
    }

    /// Sends a packet; what this machine itself answers to that.
    fn send(&mut self, ask: &Ask) -> Option<Answer> {
        let (to, flow) = self.flow(ask)?;
        let outcome = match flow.carrier {
            Carrier::Udp => self.send_datagram(ask, to),
            Carrier::Tcp | Carrier::Tls => self.connect(ask, to, &flow),
        };
        match outcome.map_err(|e| icmp::send_error(&e)) {
            // Whatever else goes wrong here says nothing of the way.
            Err(error @ SendError::Prohibited) => Some(Answer::NotSent(error)),
            _ => None,
        }
    }

    fn send_datagram(&mut self, ask: &Ask, to: SocketAddr) -> io::Result<()> {
        let key = (ask.aim, ask.line);
        let socket = match self.udp.entry(key) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(place) => {
                let socket = UdpSocket::bind(SocketAddr::new(any(to.ip()), 0))?;
                socket.set_nonblocking(true)?;
                icmp::watch(&socket)?;
                place.insert(socket)
            }
        };
        let socket = &*socket;
        set_ttl(socket, to.ip(), ask.ttl)?;
        let mut buf = [0; 128];
        let length = stun::write_binding_request(&mut buf, id(ask.number), None, 0).unwrap_or_default();
        let mut tries = 0;
        loop {
            match socket.send_to(buf.get(..length).unwrap_or_default(), to) {
                // An earlier datagram's ICMP error stands in the way once; it stays in the queue.
                Err(_) if tries < TRIES => tries += 1,
                other => return other.map(|_| ()),
            }
        }
    }

    fn connect(&mut self, ask: &Ask, to: SocketAddr, flow: &Flow) -> io::Result<()> {
        let key = (ask.aim, ask.line);
        let used = self.tcp.values().any(|a| (a.ask.aim, a.ask.line) == key);
        let port = self.ports.get(&key).copied().filter(|_| !used).unwrap_or_default();
        let attempt = Attempt::begin(*ask, to, port, flow)?;
        if let (false, Some(port)) = (used, attempt.source_port()) {
            self.ports.insert(key, port);
        }
        self.tcp.insert(ask.number, attempt);
        Ok(())
    }

    fn wait(&self, time: Duration) {
        let udp = self.udp.values().map(|s| PollFd::new(s.as_fd(), PollFlags::POLLIN));
        let tcp = self.tcp.values().map(|a| PollFd::new(a.as_fd(), a.events()));
        let mut fds: Vec<_> = udp.chain(tcp).collect();
        let millis = u16::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
        // EINTR is as good as a time-out: the loop looks again.
        let _ = poll(&mut fds, PollTimeout::from(millis));
    }

    /// Hands in all that came.
    fn gather(&mut self, tracer: &mut Tracer) {
        for ((aim, line), socket) in &self.udp {
            let Some(address) = self.aims.get(*aim).map(|a| a.address) else { continue };
            datagrams(socket, address, |number, answer| {
                let number = number.filter(|n| tracer.asked(*n).is_some_and(|a| (a.aim, a.line) == (*aim, *line)));
                // A router that quotes no more than the header leaves open which packet it was, unless there was but one.
                let number = number.or_else(|| tracer.only(*aim, *line));
                if let Some(number) = number {
                    tracer.on_answer(clock::now(), number, answer);
                }
            });
        }
        for (number, attempt) in &mut self.tcp {
            if let Some(answer) = attempt.look() {
                tracer.on_answer(clock::now(), *number, answer);
            }
        }
    }
}

/// Takes what came to a UDP socket from `address` and from routers.
fn datagrams(socket: &UdpSocket, address: IpAddr, mut told: impl FnMut(Option<u32>, Answer)) {
    let mut queue = ErrorQueue::of(socket);
    for (error, quoted) in std::iter::from_fn(|| queue.take_quoting()).take(TURN).flatten() {
        let own = own_address(error.to);
        if let Some(answer) = answer_of(&error, own) {
            told(number_in(&quoted), answer);
        }
    }
    let mut buf = [0; 512];
    for _ in 0..TURN {
        match socket.recv_from(&mut buf) {
            Ok((length, from)) if from.ip().to_canonical() == address => {
                told(number_in(buf.get(..length).unwrap_or_default()), Answer::Reached);
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // An ICMP error, which the queue has told.
            Err(_) => {}
        }
    }
}

/// What an ICMP error says of a traced packet; `own` is this machine's address on that way.
fn answer_of(error: &IcmpError, own: Option<IpAddr>) -> Option<Answer> {
    let local = error.from.is_some() && error.from == own && !error.from_target();
    match error.meaning() {
        Meaning::TimeExceeded => Some(Answer::Expired(error.from)),
        Meaning::Refused => Some(Answer::Refused),
        Meaning::Prohibited if local => Some(Answer::NotSent(SendError::Prohibited)),
        Meaning::Prohibited | Meaning::Unreachable => Some(Answer::Rejected(*error)),
        Meaning::TooBig | Meaning::Other => None,
    }
}

/// The address that this machine sends from to `to`: the routing table says it to a socket that sends nothing.
pub fn own_address(to: SocketAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind(SocketAddr::new(any(to.ip()), 0)).ok()?;
    socket.connect(to).ok()?;
    socket.local_addr().ok().map(|a| a.ip())
}

/// A transaction id that bears the ask's number.
fn id(number: u32) -> stun::TransactionId {
    let mut id = [0x5a; 12];
    id[8..].copy_from_slice(&number.to_be_bytes());
    id
}

/// The number in a STUN message of ours, or in an answer to it.
fn number_in(bytes: &[u8]) -> Option<u32> {
    let ours = bytes.get(8..16)? == [0x5a; 8];
    let number: [u8; 4] = bytes.get(16..20)?.try_into().ok()?;
    ours.then(|| u32::from_be_bytes(number))
}

fn set_ttl(socket: &impl AsFd, to: IpAddr, ttl: u8) -> io::Result<()> {
    let fd: BorrowedFd<'_> = socket.as_fd();
    match to {
        IpAddr::V4(_) => setsockopt(&fd, sockopt::Ipv4Ttl, &i32::from(ttl))?,
        IpAddr::V6(_) => setsockopt(&fd, sockopt::Ipv6Ttl, &i32::from(ttl))?,
    }
    Ok(())
}

#[cfg(test)]
mod tests;
