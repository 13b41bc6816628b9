//! Drives the client's end of flows over one socket, on a thread of its own: sends what is due to the tenth of a
//! millisecond, as fast as the machine can where that is asked, and hands in what comes. Nothing is allocated and no lock
//! taken while packets flow. Knows neither what is offered nor what is found.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::prctl;
use nix::sys::time::TimeSpec;
use tokio_util::sync::CancellationToken;

use super::icmp::{self, ErrorQueue};
use super::paced::arrivals::{self, Arrivals};
use super::{clock, paced, thread, udp};
use crate::model::{Failure, Step};
use crate::session::flow::client::Client;
use crate::session::{IcmpError, SendError};
use crate::wire::flow::LONGEST;

/// Timers fire a little late: so long before the moment the thread stops sleeping and watches the clock.
const SPIN: Duration = Duration::from_micros(100);

/// The longest sleep, so that a cancellation is soon seen.
const NAP: Duration = Duration::from_millis(20);

/// So many are sent, and so many taken, before the other has its turn.
const TURN: usize = 64;

/// While much is sent, what came is looked at so often.
const LOOK_EVERY: Duration = Duration::from_micros(500);

/// Where a session goes.
pub struct Drive {
    pub target: SocketAddr,
    /// What datagrams are marked with.
    pub dscp: u8,
    /// No longer than this.
    pub deadline: Duration,
    /// Ends it early.
    pub cancel: CancellationToken,
    /// Told which part's line is held full after a search, from 1; 0 otherwise.
    pub holding: Arc<AtomicU8>,
}

/// A session that was driven.
pub struct Driven {
    pub client: Client,
    pub took: Duration,
    /// The last ICMP error that came, and the last reason why this machine would not send.
    pub icmp: Option<IcmpError>,
    pub not_sent: Option<SendError>,
    pub cancelled: bool,
}

impl Drive {
    /// Runs the session that `make` makes, handed the driver's time in nanoseconds, to its end. It ends too when the
    /// returned future is dropped. `Err`: no socket could be opened.
    pub async fn run(self, make: impl FnOnce(u64) -> Client + Send + 'static) -> Result<Driven, Failure> {
        let cancel = self.cancel.clone();
        let work = move |cancel: &CancellationToken| Ok(Line::open(&self)?.drive(&self, cancel, make));
        thread::own("flow", Step::Flow, &cancel, work).await
    }
}

struct Line {
    socket: UdpSocket,
    queue: ErrorQueue,
    arrivals: Arrivals,
    /// Datagrams that the socket has lost for want of room.
    overflow: u32,
    icmp: Option<IcmpError>,
    not_sent: Option<SendError>,
}

impl Line {
    fn open(drive: &Drive) -> io::Result<Self> {
        let socket = udp::open(drive.target.ip())?;
        arrivals::ask_for(&socket, drive.target.is_ipv4())?;
        paced::mark(&socket, drive.target.is_ipv4(), drive.dscp)?;
        // Only the responder's datagrams are wanted. No route is a result, told by the first datagram.
        let _ = socket.connect(drive.target);
        let queue = ErrorQueue::of(&socket);
        let arrivals = Arrivals::new(clock::now());
        Ok(Self { socket, queue, arrivals, overflow: 0, icmp: None, not_sent: None })
    }

    fn drive(mut self, drive: &Drive, cancel: &CancellationToken, make: impl FnOnce(u64) -> Client) -> Driven {
        // A coarser timer only makes packets late, and that is told.
        let _ = prctl::set_timerslack(1);
        let start = clock::now();
        let since = |at: Instant| u64::try_from(at.saturating_duration_since(start).as_nanos()).unwrap_or(u64::MAX);
        let mut client = make(0);
        let mut buf = noise();
        let mut looked = start;
        loop {
            let more = self.send_due(&mut client, &mut buf, &since);
            let Some(wake) = client.wake() else { break };
            drive.holding.store(client.holding().map_or(0, |part| part as u8 + 1), Relaxed);
            let now = clock::now();
            if cancel.is_cancelled() || now.saturating_duration_since(start) >= drive.deadline {
                break;
            }
            let wake = start + Duration::from_nanos(wake);
            if more || wake.saturating_duration_since(now) < SPIN {
                if now.saturating_duration_since(looked) >= LOOK_EVERY || !more && self.is_ready() {
                    self.receive(&mut client, &since);
                    looked = now;
                }
            } else {
                self.sleep(wake - SPIN, now);
                self.drain();
                self.receive(&mut client, &since);
                looked = now;
            }
        }
        let Self { icmp, not_sent, .. } = self;
        drive.holding.store(0, Relaxed);
        let took = clock::now().saturating_duration_since(start);
        Driven { client, took, icmp, not_sent, cancelled: cancel.is_cancelled() }
    }

    /// Sends what is due; true where more is due at once.
    fn send_due(&mut self, client: &mut Client, buf: &mut [u8; LONGEST], since: &impl Fn(Instant) -> u64) -> bool {
        for _ in 0..TURN {
            let Some(len) = client.poll_transmit(since(clock::now()), buf) else { return false };
            let bytes = buf.get(..len).unwrap_or_default();
            if let Err(error) = self.socket.send(bytes) {
                self.send_failed(&error, bytes);
            }
        }
        true
    }

    /// What an earlier datagram's ICMP error hindered is sent again; a full queue of this machine's is waited for, so that
    /// it is no loss of the way.
    #[cold]
    fn send_failed(&mut self, error: &io::Error, bytes: &[u8]) {
        let mut error = icmp::send_error(error);
        for _ in 0..20 {
            self.drain();
            match self.socket.send(bytes) {
                Ok(_) => return,
                Err(e) if e.kind() == ErrorKind::WouldBlock || e.raw_os_error() == Some(libc::ENOBUFS) => {
                    let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLOUT)];
                    let _ = ppoll(&mut fds, Some(TimeSpec::from_duration(SPIN)), None);
                    error = icmp::send_error(&e);
                }
                Err(e) => error = icmp::send_error(&e),
            }
        }
        self.not_sent = Some(error);
    }

    fn is_ready(&self) -> bool {
        let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        ppoll(&mut fds, Some(TimeSpec::from_duration(Duration::ZERO)), None).is_ok_and(|n| n > 0)
    }

    fn sleep(&self, until: Instant, now: Instant) {
        let time = until.saturating_duration_since(now).min(NAP);
        let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        let _ = ppoll(&mut fds, Some(TimeSpec::from_duration(time)), None);
    }

    /// Takes what came, each at the kernel's time of it.
    fn receive(&mut self, client: &mut Client, since: &impl Fn(Instant) -> u64) {
        let mut buf = [0; LONGEST];
        let overflow = &mut self.overflow;
        self.arrivals.take(&self.socket, &mut buf, |at, _, bytes, how| {
            let more = how.overflow.saturating_sub(*overflow);
            if more > 0 {
                *overflow = how.overflow;
                client.on_overflow(more);
            }
            client.on_datagram(since(at), bytes);
        });
    }

    fn drain(&mut self) {
        for error in std::iter::from_fn(|| self.queue.take()).take(TURN).flatten() {
            self.icmp = Some(error);
        }
    }
}

/// Padding that nothing on the way can make shorter.
pub fn noise() -> [u8; LONGEST] {
    let mut state = u64::from_ne_bytes(super::chance::bytes()) | 1;
    std::array::from_fn(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
}
