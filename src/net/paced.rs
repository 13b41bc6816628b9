//! Drives a session whose times matter, on a thread of its own with one socket: wakes to the tenth of a millisecond,
//! hands in the kernel's times of arrival, and marks packets; over UDP, or over a stream on which each datagram is a
//! frame of TURN's. Knows neither what a session is about nor what its outcome means.

pub(super) mod arrivals;
mod stream;

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::prctl;
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use tokio_util::sync::CancellationToken;

use super::icmp::{self, ErrorQueue};
use super::leg::{Carrier, Connected};
use super::udp::{self, Stop};
use super::{clock, paced::arrivals::Arrivals, thread};
use crate::model::{Failure, FailureKind, Step};
use crate::session::{SendError, Session};

/// The longest datagram that is sent or looked at; what is longer is cut, and no reply of ours.
const LONGEST: usize = 2048;

/// Timers fire a little late: so long before the moment the thread stops sleeping and watches the clock.
const SPIN: Duration = Duration::from_micros(100);

/// The longest sleep, so that a cancellation is soon seen.
const NAP: Duration = Duration::from_millis(50);

/// So many entries are taken from the error queue at once.
const TURN: usize = 256;

/// How often a datagram is tried that an earlier one's ICMP error stood in the way of.
const TRIES: usize = 4;

/// How a session is to be driven.
#[derive(Clone, Debug)]
pub struct Paced {
    /// Its family chooses that of the socket.
    pub target: IpAddr,
    /// What datagrams are marked with.
    pub dscp: u8,
    /// No longer than this.
    pub deadline: Duration,
    /// Ends it early.
    pub cancel: CancellationToken,
    /// The step that a failure to open a socket belongs to.
    pub step: Step,
}

/// One moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    pub at: Instant,
    /// Since 1970.
    pub wall: Duration,
}

/// A session that was driven.
#[derive(Debug)]
pub struct Driven<S> {
    pub session: S,
    pub stop: Stop,
    /// When it ended: what `Train::finish` is given.
    pub ended: Instant,
    /// With [`Stop::Cut`]: what became of the stream; of the step that the driver was given.
    pub cut: Option<Failure>,
}

impl Paced {
    /// Runs the session that `make` makes at the moment when the socket is open, tells `progress` of it now and then, and
    /// hands the session back. It ends too when the returned future is dropped. `Err`: no socket could be opened.
    pub async fn run<S: Session + Send + 'static>(
        self,
        make: impl FnOnce(Start) -> S + Send + 'static,
        progress: impl Fn(u32, u32) + Send + 'static,
    ) -> Result<Driven<S>, Failure> {
        let (cancel, step) = (self.cancel.clone(), self.step);
        thread::own("paced", step, &cancel, move |cancel| self.drive(cancel, make, progress)).await
    }

    /// The same over a way that is open: what is sent goes there, and a stream that breaks ends the session.
    ///
    /// # Errors
    /// As [`run`](Self::run); `Internal` for DTLS, which goes through a [`Shim`](super::shim::Shim).
    pub async fn run_over<S: Session + Send + 'static>(
        self,
        way: Connected,
        make: impl FnOnce(Start) -> S + Send + 'static,
        progress: impl Fn(u32, u32) + Send + 'static,
    ) -> Result<Driven<S>, Failure> {
        let (cancel, step) = (self.cancel.clone(), self.step);
        let broken = |e: io::Error| super::classify::io(step, &e);
        let (socket, tls) = match way.carrier {
            Carrier::Udp => return self.run(make, progress).await,
            Carrier::Dtls(_) => {
                return Err(Failure::new(step, FailureKind::Internal, "DTLS is not driven by itself"));
            }
            Carrier::Tcp(stream) => (stream.into_std().map_err(broken)?, None),
            Carrier::Tls(stream) => {
                let (stream, tls) = stream.into_inner();
                (stream.into_inner().into_std().map_err(broken)?, Some(tls))
            }
        };
        let mut line = stream::Stream::new(socket, tls, way.server, step);
        let work = move |cancel: &CancellationToken| {
            let _ = mark(line.fd(), way.server.is_ipv4(), self.dscp);
            let driven = drive(&mut line, self.deadline, cancel, make, progress);
            line.end();
            Ok(driven)
        };
        thread::own("paced", step, &cancel, work).await
    }

    /// Opens the socket, makes the session and drives it to its end.
    fn drive<S: Session>(
        &self,
        cancel: &CancellationToken,
        make: impl FnOnce(Start) -> S,
        progress: impl Fn(u32, u32),
    ) -> io::Result<Driven<S>> {
        let mut line = Datagrams::open(self.target, self.dscp)?;
        Ok(drive(&mut line, self.deadline, cancel, make, progress))
    }
}

/// What a session's datagrams go over.
trait Line {
    fn fd(&self) -> BorrowedFd<'_>;

    /// What the descriptor is watched for.
    fn awaited(&self) -> PollFlags {
        PollFlags::POLLIN
    }

    /// Sends one datagram, at once or not at all.
    fn send(&mut self, session: &mut impl Session, bytes: &[u8], to: SocketAddr) -> Result<(), SendError>;

    /// Hands in all that came.
    fn take(&mut self, session: &mut impl Session, buf: &mut [u8]);

    /// What ended it.
    fn cut(&mut self) -> Option<Failure> {
        None
    }
}

/// Makes the session and drives it to its end.
fn drive<S: Session>(
    line: &mut impl Line,
    deadline: Duration,
    cancel: &CancellationToken,
    make: impl FnOnce(Start) -> S,
    progress: impl Fn(u32, u32),
) -> Driven<S> {
    // One nanosecond; the thread's own and gone with it. A coarser timer only makes packets late, and that is told.
    let _ = prctl::set_timerslack(1);
    let start = Start { at: clock::now(), wall: clock::wall() };
    let mut session = make(start);
    let stop = until_it_stops(line, &mut session, start.at + deadline, cancel, &progress);
    if matches!(stop, Stop::Cancelled | Stop::Deadline) {
        let mut buf = [0; LONGEST];
        if let Some(last) = session.farewell(clock::now(), &mut buf) {
            let _ = line.send(&mut session, buf.get(..last.len).unwrap_or_default(), last.to);
        }
    }
    Driven { session, stop, ended: clock::now(), cut: line.cut().filter(|_| stop == Stop::Cut) }
}

fn until_it_stops(
    line: &mut impl Line,
    session: &mut impl Session,
    deadline: Instant,
    cancel: &CancellationToken,
    progress: &impl Fn(u32, u32),
) -> Stop {
    let mut buf = [0; LONGEST];
    let mut told = clock::now();
    loop {
        send_due(line, session, &mut buf);
        let Some(wake) = session.wake() else { return Stop::Finished };
        let now = clock::now();
        if cancel.is_cancelled() {
            return Stop::Cancelled;
        }
        if line.cut().is_some() {
            return Stop::Cut;
        }
        if now >= deadline {
            return Stop::Deadline;
        }
        if now.saturating_duration_since(told) >= NAP * 2 {
            told = now;
            let (done, total) = session.progress();
            progress(done, total);
        }
        wait(line, wake.min(deadline), now);
        line.take(session, &mut buf);
    }
}

/// Sends all that is due, each with the time at which it is sent.
fn send_due(line: &mut impl Line, session: &mut impl Session, buf: &mut [u8]) {
    while let Some(transmit) = session.poll_transmit(clock::now(), buf) {
        let bytes = buf.get(..transmit.len).unwrap_or_default();
        if let Err(error) = line.send(session, bytes, transmit.to) {
            session.on_send_error(clock::now(), transmit.to, error);
        }
    }
}

/// Sleeps until something comes or `wake`, the last of it with an eye on the clock.
fn wait(line: &impl Line, wake: Instant, now: Instant) {
    let left = wake.saturating_duration_since(now);
    let sleep = left.saturating_sub(SPIN).min(NAP);
    let mut fds = [PollFd::new(line.fd(), line.awaited())];
    // EINTR is as good as a time-out: the loop looks again.
    let came = !sleep.is_zero() && ppoll(&mut fds, Some(TimeSpec::from(sleep)), None) != Ok(0);
    if !came && left <= NAP {
        while clock::now() < wake {
            std::hint::spin_loop();
        }
    }
}

/// One UDP socket with its error queue.
struct Datagrams {
    socket: UdpSocket,
    queue: ErrorQueue,
    arrivals: Arrivals,
}

impl Datagrams {
    fn open(target: IpAddr, dscp: u8) -> io::Result<Self> {
        let socket = udp::open(target)?;
        arrivals::ask_for(&socket, target.is_ipv4())?;
        mark(&socket, target.is_ipv4(), dscp)?;
        let queue = ErrorQueue::of(&socket);
        Ok(Self { socket, queue, arrivals: Arrivals::new(clock::now()) })
    }
}

impl Line for Datagrams {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// An error that an earlier datagram's ICMP left behind is handed in and the datagram sent again.
    fn send(&mut self, session: &mut impl Session, bytes: &[u8], to: SocketAddr) -> Result<(), SendError> {
        let mut tries = 0;
        loop {
            let Err(error) = self.socket.send_to(bytes, to) else { return Ok(()) };
            tries += 1;
            if tries >= TRIES || error.kind() == io::ErrorKind::WouldBlock {
                return Err(icmp::send_error(&error));
            }
            drain(&mut self.queue, session);
        }
    }

    fn take(&mut self, session: &mut impl Session, buf: &mut [u8]) {
        drain(&mut self.queue, session);
        self.arrivals.take(&self.socket, buf, |at, from, bytes, how| session.on_arrival(at, from, bytes, how));
    }
}

/// Hands in the ICMP errors of a socket; reading them clears what would fail the next call.
fn drain(queue: &mut ErrorQueue, session: &mut impl Session) {
    let now = clock::now();
    for error in std::iter::from_fn(|| queue.take()).take(TURN).flatten() {
        session.on_icmp(now, &error);
    }
}

/// Marks what the socket sends with the code point.
pub(super) fn mark(socket: impl AsFd, v4: bool, dscp: u8) -> io::Result<()> {
    let class = i32::from(dscp & 0x3F) << 2;
    match v4 {
        true => setsockopt(&socket, sockopt::Ipv4Tos, &class)?,
        false => setsockopt(&socket, sockopt::Ipv6TClass, &class)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests;
