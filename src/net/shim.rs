//! A UDP port on loopback in front of any way to a relay, for an ICE agent that speaks TURN over UDP and IPv4 alone: STUN
//! messages and ChannelData are framed anew for what carries them, and each request is timed and its error kept. What
//! MESSAGE-INTEGRITY covers stays as it is. Knows no credentials and changes no message.

mod book;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::UdpSocket;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use book::Exchange;
use book::{Book, Outbound};

use super::leg::{Carrier, Connected, Dtls, Leg, garbage};
use super::tcp::Stream;
use super::{classify, clock, icmp, thread, udp};
use crate::model::{Failure, FailureKind, Observation, RelayTransport, Step};
use crate::wire::turn::frames::{Framer, padding};

/// The longest datagram on loopback, and as much is read from a stream at once.
const LONGEST: usize = 64 * 1024;

/// One relay's port on loopback, for one client: whoever asks first for anything but a Binding. Bindings are answered
/// with an error, because what they would tell is the address of the shim's own socket. Ends when it is dropped.
pub struct Shim {
    address: SocketAddr,
    shared: Arc<Shared>,
    _ends: DropGuard,
}

struct Shared {
    local: UdpSocket,
    book: Mutex<Book>,
    /// The way to the relay broke.
    cut: Mutex<Option<Failure>>,
    over: CancellationToken,
    /// The far end has been told.
    closed: CancellationToken,
}

impl Shim {
    /// Opens the way, whose steps it records, and the port in front of it.
    ///
    /// # Errors
    /// The observation has failed.
    pub async fn open(leg: &Leg, deadline: Instant, obs: &mut Observation) -> Result<Self, ()> {
        match leg.transport {
            RelayTransport::Dtls => Self::open_apart(leg.clone(), deadline, obs).await,
            _ => Self::open_here(leg, deadline, obs).await,
        }
    }

    async fn open_here(leg: &Leg, deadline: Instant, obs: &mut Observation) -> Result<Self, ()> {
        let connected = leg.connect(deadline, obs).await?;
        let begun = clock::now();
        Self::over(connected).await.map_err(|e| {
            let failure = icmp::not_sent(Step::Connect, icmp::send_error(&e), leg.server.ip());
            obs.step_failed(failure, clock::now().duration_since(begun));
        })
    }

    /// DTLS goes through several tasks: on a thread of their own they delay a packet half as long.
    async fn open_apart(leg: Leg, deadline: Instant, obs: &mut Observation) -> Result<Self, ()> {
        let probe = obs.probe;
        let work = async move {
            let mut seen = Observation::new(probe);
            let shim = Self::open_here(&leg, deadline, &mut seen).await;
            (shim, seen)
        };
        let made = thread::apart("shim", work, |(shim, _): &(Result<Self, ()>, _)| {
            let shared = shim.as_ref().ok().map(|shim| shim.shared.clone());
            async move {
                if let Some(shared) = shared {
                    shared.closed.cancelled().await;
                }
            }
        });
        match made.await {
            Ok((shim, seen)) => {
                obs.steps.extend(seen.steps);
                obs.facts.extend(seen.facts);
                obs.outcome = seen.outcome;
                shim
            }
            Err(e) => {
                let failure = Failure::new(Step::Dtls, FailureKind::Internal, format!("no thread could be had: {e}"));
                obs.step_failed(failure, std::time::Duration::ZERO);
                Err(())
            }
        }
    }

    /// The port in front of a way that is open.
    ///
    /// # Errors
    /// No socket could be opened, or the server's address has no route.
    pub async fn over(connected: Connected) -> io::Result<Self> {
        let (up, down) = ends(connected)?;
        let local = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = local.local_addr()?;
        let over = CancellationToken::new();
        let closed = CancellationToken::new();
        let book = Mutex::new(Book::new(clock::now()));
        let shared = Arc::new(Shared { local, book, cut: Mutex::new(None), over: over.clone(), closed });
        tokio::spawn(shared.clone().carry_up(up));
        tokio::spawn(shared.clone().carry_down(down));
        Ok(Self { address, shared, _ends: over.drop_guard() })
    }

    /// Where the client finds the relay: a port on 127.0.0.1.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its client asks from; `None`: nobody has asked.
    pub fn client(&self) -> Option<SocketAddr> {
        self.shared.book().client()
    }

    /// Every request so far, in order; the first 256.
    pub fn log(&self) -> Vec<Exchange> {
        self.shared.book().log()
    }

    /// What ended the way to the relay, if it is over: closed, reset, or in no protocol of TURN's. Of step `relay`.
    pub fn cut(&self) -> Option<Failure> {
        lock(&self.shared.cut).clone()
    }
}

impl std::fmt::Debug for Shim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shim({})", self.address)
    }
}

/// One direction each of what carries the messages.
enum Up {
    Datagrams(Arc<UdpSocket>),
    Stream(WriteHalf<Stream>),
    Dtls(Arc<Dtls>),
}

enum Down {
    Datagrams(Arc<UdpSocket>),
    Stream(ReadHalf<Stream>),
    Dtls(Arc<Dtls>),
}

fn ends(connected: Connected) -> io::Result<(Up, Down)> {
    let stream: Stream = match connected.carrier {
        Carrier::Udp => {
            let socket = udp::open(connected.server.ip())?;
            socket.connect(connected.server)?;
            let socket = Arc::new(UdpSocket::from_std(socket)?);
            return Ok((Up::Datagrams(socket.clone()), Down::Datagrams(socket)));
        }
        Carrier::Dtls(dtls) => {
            let dtls: Arc<Dtls> = dtls.into();
            return Ok((Up::Dtls(dtls.clone()), Down::Dtls(dtls)));
        }
        Carrier::Tcp(stream) => Box::new(stream),
        Carrier::Tls(stream) => stream,
    };
    let (read, write) = tokio::io::split(stream);
    Ok((Up::Stream(write), Down::Stream(read)))
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    /// The way is over; the first word on it stays.
    fn end(&self, failure: Failure) {
        lock(&self.cut).get_or_insert(failure);
        self.over.cancel();
    }

    /// Takes what the client sends to the relay.
    async fn carry_up(self: Arc<Self>, mut up: Up) {
        let mut buf = vec![0; LONGEST];
        loop {
            let came = tokio::select! {
                () = self.over.cancelled() => break,
                came = self.local.recv_from(&mut buf) => came,
            };
            let Ok((len, from)) = came else { continue };
            let bytes = buf.get(..len).unwrap_or_default();
            let outbound = self.book().outbound(clock::now(), from, bytes);
            match outbound {
                Outbound::Forward(frame) => {
                    let sent = tokio::select! {
                        () = self.over.cancelled() => break,
                        sent = up.send(bytes.get(..frame).unwrap_or_default()) => sent,
                    };
                    if let Err(failure) = sent {
                        self.end(failure);
                    }
                }
                Outbound::Answer(answer) => {
                    let _ = self.local.send_to(&answer, from).await;
                }
                Outbound::Drop => {}
            }
        }
        up.close().await;
        self.closed.cancel();
    }

    /// Takes what the relay sends to the client.
    async fn carry_down(self: Arc<Self>, mut down: Down) {
        let mut buf = vec![0; LONGEST];
        let mut framer = matches!(down, Down::Stream(_)).then(Framer::new);
        loop {
            let came = tokio::select! {
                () = self.over.cancelled() => return,
                came = down.receive(&mut buf) => came,
            };
            let taken = match came {
                Ok(Some(len)) => self.take(buf.get(..len).unwrap_or_default(), framer.as_mut()).await,
                Ok(None) => Ok(()),
                Err(failure) => Err(failure),
            };
            if let Err(failure) = taken {
                return self.end(failure);
            }
        }
    }

    /// Hands on what was read: one datagram, or with a framer a piece of a stream.
    async fn take(&self, bytes: &[u8], framer: Option<&mut Framer>) -> Result<(), Failure> {
        let Some(framer) = framer else {
            self.hand_on(bytes).await;
            return Ok(());
        };
        framer.push(bytes);
        while let Some(frame) = framer.next_frame().map_err(|e| garbage(&e, Step::Relay))? {
            self.hand_on(frame).await;
        }
        Ok(())
    }

    async fn hand_on(&self, frame: &[u8]) {
        let client = self.book().inbound(clock::now(), frame);
        if let Some(client) = client {
            let _ = self.local.send_to(frame, client).await;
        }
    }
}

impl Up {
    async fn send(&mut self, frame: &[u8]) -> Result<(), Failure> {
        match self {
            // A datagram that is lost here is lost as on the way; what is told of it comes with the next read.
            Up::Datagrams(socket) => {
                let _ = socket.send(frame).await;
                Ok(())
            }
            Up::Dtls(dtls) => dtls.send(frame).await.map_err(|words| closed(&words)),
            Up::Stream(stream) => {
                let whole = [frame, padding(frame)].concat();
                let written = async {
                    stream.write_all(&whole).await?;
                    stream.flush().await
                };
                written.await.map_err(|e| classify::io(Step::Relay, &e))
            }
        }
    }

    async fn close(&mut self) {
        match self {
            Up::Datagrams(_) => {}
            Up::Dtls(dtls) => dtls.close().await,
            Up::Stream(stream) => {
                let _ = tokio::time::timeout(std::time::Duration::from_millis(200), stream.shutdown()).await;
            }
        }
    }
}

impl Down {
    /// `None`: an ICMP error in the place of a datagram, which decides nothing here.
    async fn receive(&mut self, buf: &mut [u8]) -> Result<Option<usize>, Failure> {
        match self {
            Down::Datagrams(socket) => {
                let received = socket.recv(buf).await;
                if received.is_err() {
                    let mut queue = icmp::ErrorQueue::of(&**socket);
                    while queue.take().is_some() {}
                }
                Ok(received.ok())
            }
            Down::Dtls(dtls) => dtls.recv(buf).await.map(Some).map_err(|words| closed(&words)),
            Down::Stream(stream) => match stream.read(buf).await {
                Ok(0) => Err(closed("the relay closed the connection")),
                Ok(len) => Ok(Some(len)),
                Err(e) => Err(classify::io(Step::Relay, &e)),
            },
        }
    }
}

fn closed(words: &str) -> Failure {
    Failure::new(Step::Relay, FailureKind::Closed, words)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
