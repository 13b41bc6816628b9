//! Flows of granted sessions: what comes is counted where all datagrams come in; what is to be sent is sent by a thread a
//! flow, which is told by a channel and shares what was sent, so that neither waits for the other.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::datagram;
use crate::net::clock;
use crate::session::flow::cookie::Baker;
use crate::session::flow::server::{Datagram, Granted, Order, Outgoing, Server, Shared};
use crate::session::granted::Sessions;
use crate::session::reflector::Refusal;
use crate::wire::flow::{Kind, LONGEST, read};
use crate::wire::grant;

/// Threads that send, at once; each may take a core.
const MOST_THREADS: u32 = 16;

/// Orders that wait for a thread.
const QUEUE: usize = 16;

/// Timers fire a little late: so long before the moment a thread stops sleeping and watches the clock.
const SPIN: Duration = Duration::from_micros(100);

/// A thread without a packet to send looks so often whether its client is still there.
const NAP: Duration = Duration::from_millis(50);

/// So many packets are sent before orders are looked at again.
const TURN: usize = 64;

/// A datagram and the way it came.
pub(super) struct Incoming<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) from: SocketAddr,
    pub(super) socket: &'a UdpSocket,
    /// The address to answer from, where the kernel is not to choose.
    pub(super) answer_from: Option<IpAddr>,
    /// Traffic class that it came with.
    pub(super) tos: Option<u8>,
    /// How long it lay in the socket.
    pub(super) waited: Duration,
    /// Datagrams that the socket had lost for want of room since it was opened.
    pub(super) dropped: u32,
}

/// All flows.
pub(super) struct Flows {
    table: HashMap<u64, Flow>,
    baker: Baker,
    start: Instant,
    threads: Arc<AtomicU32>,
}

struct Flow {
    granted: Granted,
    server: Server,
    shared: Arc<Shared>,
    orders: Option<SyncSender<Order>>,
    /// What the socket had lost when this flow last looked.
    dropped: u32,
}

impl Flows {
    /// None yet. `secret` must be random.
    pub(super) fn new(secret: u128, start: Instant) -> Self {
        Self { table: HashMap::new(), baker: Baker::new(secret), start, threads: Arc::default() }
    }

    /// Whether a datagram is of a flow whose client has shown its cookie from there, and bears it.
    pub(super) fn has_shown(&self, bytes: &[u8], from: SocketAddr) -> bool {
        let Some((head, _)) = read(bytes) else { return false };
        let flow = self.table.get(&head.token);
        flow.is_some_and(|flow| flow.server.source() == Some((from, head.cookie)))
    }

    /// Takes a flow's datagram; answers how many bytes of `answer` are to be sent back, which may be none.
    pub(super) fn handle(
        &mut self,
        incoming: &Incoming<'_>,
        sessions: &mut Sessions,
        answer: &mut [u8],
    ) -> Result<usize, Refusal> {
        let (head, body) = read(incoming.bytes).ok_or(Refusal::Malformed)?;
        let (at, token) = (clock::now(), head.token);
        let now = since(self.start, at);
        // Counted as a stranger's: that a token is unknown is nobody's to learn.
        let session = sessions.claim(token, grant::Kind::Flow, incoming.from, at).ok_or(Refusal::Unsigned)?;
        let headers = if incoming.from.ip().to_canonical().is_ipv4() { 28 } else { 48 };
        let admitted = session.admit(at, incoming.bytes.len() + headers, 0);
        if !self.table.contains_key(&token) {
            let (bytes, seconds) = session.left();
            let (down_kbps, packets_per_second) = (session.down_kbps(), session.packets_per_second());
            let granted = Granted { token, down_kbps, packets_per_second, seconds, bytes };
            // What a session has used is known as long as it may go on.
            self.table.retain(|token, _| sessions.get_mut(*token).is_some());
            self.table.insert(token, Flow::new(granted, now, incoming.dropped));
        }
        let flow = self.table.get_mut(&token).ok_or(Refusal::Malformed)?;
        flow.note_overflow(incoming.dropped);
        if !admitted {
            // It did come, so it is no loss of the way; its client learns that from the next feedback.
            if head.kind == Kind::Data {
                flow.server.on_overflow(1);
            }
            return Err(Refusal::SessionRate);
        }
        let from = incoming.from;
        let arrived = now.saturating_sub(u64::try_from(incoming.waited.as_nanos()).unwrap_or(0));
        let datagram = Datagram { head, body, len: incoming.bytes.len(), arrived };
        let reply = flow.server.on_datagram(now, from, datagram, &self.baker, &flow.shared, answer);
        if let Some(order) = reply.order {
            flow.pass_on(order, incoming, self.start, &self.threads);
        }
        Ok(reply.len)
    }
}

impl Flow {
    fn new(granted: Granted, now: u64, dropped: u32) -> Self {
        Self { granted, server: Server::new(granted, now), shared: Arc::default(), orders: None, dropped }
    }

    fn note_overflow(&mut self, dropped: u32) {
        let more = dropped.wrapping_sub(self.dropped);
        if more > 0 {
            self.dropped = dropped;
            self.server.on_overflow(more);
        }
    }

    /// Gives an order to the flow's thread, which is started for the first one that asks for anything.
    fn pass_on(&mut self, order: Order, incoming: &Incoming<'_>, start: Instant, threads: &Arc<AtomicU32>) {
        if order.stop {
            // The thread sees that nobody will tell it anything any more.
            self.orders = None;
            return;
        }
        if self.shared.stopped.load(Relaxed) {
            return;
        }
        let gone = self.orders.as_ref().is_none_or(|o| o.try_send(order).is_err());
        if gone && order.shape.iter().any(|s| s.interval_ns > 0) && !self.begin(order, incoming, start, threads) {
            self.shared.stopped.store(true, Relaxed);
        }
    }

    /// Starts the thread; false where there are too many.
    fn begin(&mut self, order: Order, incoming: &Incoming<'_>, start: Instant, threads: &Arc<AtomicU32>) -> bool {
        let Some((to, cookie)) = self.server.source() else { return false };
        let Some(place) = Place::take(threads) else { return false };
        let Ok(socket) = incoming.socket.try_clone() else { return false };
        let (orders, received) = sync_channel(QUEUE);
        let mut thread = Thread {
            socket,
            from: incoming.answer_from,
            to,
            tos: incoming.tos.map(|t| t & !3).filter(|t| *t > 0),
            outgoing: Outgoing::new(&self.granted, to, cookie),
            shared: self.shared.clone(),
            orders: received,
            start,
        };
        let run = move || {
            thread.run(order);
            drop(place);
        };
        let started = std::thread::Builder::new().name("responder-flow".to_owned()).spawn(run);
        self.orders = started.is_ok().then_some(orders);
        self.orders.is_some()
    }
}

/// A thread's place among those that may run.
struct Place(Arc<AtomicU32>);

impl Place {
    fn take(threads: &Arc<AtomicU32>) -> Option<Self> {
        // The only thread that counts up is the one that asks.
        if threads.load(Relaxed) >= MOST_THREADS {
            return None;
        }
        threads.fetch_add(1, Relaxed);
        Some(Self(threads.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// The sending half of one flow.
struct Thread {
    socket: UdpSocket,
    from: Option<IpAddr>,
    to: SocketAddr,
    tos: Option<u8>,
    outgoing: Outgoing,
    shared: Arc<Shared>,
    orders: Receiver<Order>,
    start: Instant,
}

impl Thread {
    fn run(&mut self, first: Order) {
        let _ = nix::sys::prctl::set_timerslack(1);
        let mut buf = crate::net::flow::noise();
        self.outgoing.on_order(&first, since(self.start, clock::now()));
        while self.attend() {
            let now = self.send_due(&mut buf);
            if !self.outgoing.is_on(now, &self.shared) || !self.wait(now) {
                return;
            }
        }
    }

    /// Takes the orders that wait; false: there will be none any more.
    fn attend(&mut self) -> bool {
        loop {
            match self.orders.try_recv() {
                Ok(order) => self.outgoing.on_order(&order, since(self.start, clock::now())),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn send_due(&mut self, buf: &mut [u8; LONGEST]) -> u64 {
        for _ in 0..TURN {
            let now = since(self.start, clock::now());
            let Some(len) = self.outgoing.poll_transmit(now, &self.shared, buf) else { return now };
            self.send(buf.get(..len).unwrap_or_default());
        }
        since(self.start, clock::now())
    }

    /// Sends one datagram; a full queue of this machine's is waited for, so that it is no loss of the way.
    fn send(&self, bytes: &[u8]) {
        for _ in 0..20 {
            match datagram::send(&self.socket, bytes, self.from, self.to, self.tos) {
                Err(e) if e.kind() == ErrorKind::WouldBlock || e.raw_os_error() == Some(libc::ENOBUFS) => {
                    let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLOUT)];
                    let _ = poll(&mut fds, PollTimeout::from(1u8));
                }
                // An error that an earlier datagram met; this one is tried again.
                Err(e) if e.kind() == ErrorKind::ConnectionRefused => {}
                _ => return,
            }
        }
    }

    /// Until the next packet, or the next order; false: there will be none.
    fn wait(&mut self, now: u64) -> bool {
        let left = self.outgoing.wake().map(|at| Duration::from_nanos(at.saturating_sub(now)));
        let time = left.unwrap_or(NAP).min(NAP).saturating_sub(if left.is_some() { SPIN } else { Duration::ZERO });
        if time.is_zero() {
            std::hint::spin_loop();
            return true;
        }
        match self.orders.recv_timeout(time) {
            Ok(order) => self.outgoing.on_order(&order, since(self.start, clock::now())),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        true
    }
}

fn since(start: Instant, at: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(start).as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::granted::GrantLimits;
    use crate::wire::flow::{Body, Feedback, HELLO_LEN, Head, write};

    struct End {
        socket: UdpSocket,
        flows: Flows,
        sessions: Sessions,
        from: SocketAddr,
        token: u64,
        cookie: u64,
    }

    impl End {
        fn new() -> Self {
            let ask =
                grant::Ask { kind: grant::Kind::Flow, up_kbps: 64, down_kbps: 64, packets_per_second: 50, seconds: 9 };
            let mut sessions = Sessions::new(GrantLimits::default());
            let from: SocketAddr = "127.0.0.1:40000".parse().unwrap();
            sessions.grant(&ask, from.ip(), 7, clock::now()).unwrap();
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            Self { socket, flows: Flows::new(1, clock::now()), sessions, from, token: 7, cookie: 0 }
        }

        fn bytes(&self, kind: Kind, body: &Body) -> Vec<u8> {
            let mut bytes = [0; LONGEST];
            let head = Head { kind, stage: 1, token: self.token, cookie: self.cookie, time: 1 };
            let len = write(&mut bytes, &head, body, HELLO_LEN).unwrap();
            bytes[..len].to_vec()
        }

        fn say(&mut self, kind: Kind, body: &Body) -> Result<Option<(Head, Body)>, Refusal> {
            let bytes = self.bytes(kind, body);
            let incoming = Incoming {
                bytes: &bytes,
                from: self.from,
                socket: &self.socket,
                answer_from: None,
                tos: None,
                waited: Duration::ZERO,
                dropped: 0,
            };
            let mut answer = [0; LONGEST];
            let len = self.flows.handle(&incoming, &mut self.sessions, &mut answer)?;
            Ok(read(&answer[..len]))
        }
    }

    #[test]
    fn every_kind_meets_the_grant_and_refused_data_is_told() {
        let mut end = End::new();
        let (welcome, _) = end.say(Kind::Hello, &Body::Hello).unwrap().unwrap();
        assert!(!end.flows.has_shown(&end.bytes(Kind::Ping, &Body::Ping { number: 0 }), end.from));
        end.cookie = welcome.cookie;
        let told = Feedback::default();
        end.say(Kind::Feedback, &Body::Feedback(told)).unwrap();
        let ping = end.bytes(Kind::Ping, &Body::Ping { number: 0 });
        assert!(end.flows.has_shown(&ping, end.from));
        assert!(!end.flows.has_shown(&ping, "127.0.0.1:40001".parse().unwrap()));
        let refused = (0..200).filter(|n| end.say(Kind::Ping, &Body::Ping { number: *n }).is_err()).count();
        assert!(refused > 100, "{refused}");
        let refused = (0..200).filter(|seq| end.say(Kind::Data, &Body::Data { seq: *seq }).is_err()).count() as u32;
        let flow = end.flows.table.get_mut(&7).unwrap();
        let (datagram, mut buf) = (end.flows.baker.cookie(7, end.from), [0; LONGEST]);
        let head = Head { kind: Kind::Feedback, stage: 1, token: 7, cookie: datagram, time: 1 };
        let datagram = Datagram { head, body: Body::Feedback(Feedback { number: 1, ..told }), len: 136, arrived: 1 };
        let reply = flow.server.on_datagram(1, end.from, datagram, &end.flows.baker, &flow.shared, &mut buf);
        let Some((_, Body::Feedback(told))) = read(&buf[..reply.len]) else { panic!("no feedback") };
        assert!(refused > 100 && told.overflow == refused && told.received == 200 - refused, "{told:?}");
    }
}
