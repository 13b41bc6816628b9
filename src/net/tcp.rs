//! TCP connections whose failure is told by errno and by the socket's error queue (Linux), without privileges.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr, TcpMaxSeg};
use nix::sys::socket::{getsockopt, setsockopt};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::TcpStream;

use super::capture::opened;
use super::icmp::ErrorQueue;
use super::{classify, clock};
use crate::model::{Failure, FailureKind, Step};
use crate::session::IcmpError;

/// How long a TCP handshake may take unless the caller has less: two retransmissions of the SYN, after 1 s and 3 s.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Plain TCP or TLS over it.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// A connection, whatever carries it.
pub type Stream = Box<dyn Duplex>;

/// A connection that did not come about.
#[derive(Debug)]
pub struct NotOpen {
    /// Step `connect`, with the class and the words.
    pub failure: Failure,
    /// The ICMP error that told it, where one arrived.
    pub icmp: Option<IcmpError>,
}

/// Opens a TCP connection to `target` within `timeout`.
///
/// # Errors
/// [`NotOpen`]: `Refused`, `TimedOut`, `Unreachable`, `Prohibited`, `NoRoute`, or `Internal` when this machine is out of
/// descriptors.
pub async fn connect(target: SocketAddr, timeout: Duration) -> Result<TcpStream, NotOpen> {
    let start = clock::now();
    let stream = begin(target).map_err(|e| NotOpen { failure: local_failure(target.ip(), &e), icmp: None })?;
    let mut icmp = None;
    let error = match tokio::time::timeout(timeout, established(&stream, &mut icmp)).await {
        Ok(Ok(())) => {
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
        Ok(Err(e)) => Some(e),
        Err(_) => None,
    };
    let icmp = icmp.or_else(|| queued_icmp(&stream));
    let decided = icmp.as_ref().and_then(|icmp| icmp_failure(icmp, local_ip(&stream)));
    let failure = decided.unwrap_or_else(|| match error {
        Some(e) => remote_failure(&e),
        None => {
            let took = clock::now().duration_since(start);
            classify::timed_out(Step::Connect, "no answer to the SYN and its repetitions", took)
        }
    });
    Err(NotOpen { failure, icmp })
}

/// Bytes of a segment on an open connection, as both ends and whoever clamps it between agreed; `None` where the system
/// does not tell.
pub fn segment(stream: &TcpStream) -> Option<u32> {
    getsockopt(stream, TcpMaxSeg).ok().filter(|mss| *mss > 0)
}

/// A socket with its SYN on the way. An error here comes from this machine, before anything was sent.
fn begin(target: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    want_icmp(&socket, target.is_ipv6());
    let begun = socket.connect(&target.into());
    if let Some(local) = socket.local_addr().ok().and_then(|a| a.as_socket()) {
        opened::connecting(local, target);
    }
    match begun {
        Err(e) if e.raw_os_error() != Some(libc::EINPROGRESS) && e.kind() != ErrorKind::WouldBlock => Err(e),
        _ => TcpStream::from_std(socket.into()),
    }
}

/// Waits until the handshake is through or has failed. An ICMP error that the kernel only notes (it arrived while the
/// socket was in use) wakes us too: it is kept, and the wait goes on until the kernel gives up or the peer answers.
async fn established(stream: &TcpStream, icmp: &mut Option<IcmpError>) -> io::Result<()> {
    loop {
        stream.writable().await?;
        // SO_ERROR before the queue: reading the queue clears it.
        if let Some(e) = stream.take_error()? {
            return Err(e);
        }
        match stream.peer_addr() {
            Ok(_) => return Ok(()),
            Err(e) if e.kind() != ErrorKind::NotConnected => return Err(e),
            Err(_) => {}
        }
        *icmp = icmp.or_else(|| queued_icmp(stream));
        let _ = stream.try_io(Interest::WRITABLE, || Err::<(), _>(ErrorKind::WouldBlock.into()));
    }
}

/// What this machine itself answered.
fn local_failure(target: IpAddr, e: &io::Error) -> Failure {
    let (kind, detail) = match e.kind() {
        ErrorKind::NetworkUnreachable | ErrorKind::AddrNotAvailable => {
            (FailureKind::NoRoute, format!("this machine has no route or address to reach {target} ({e})"))
        }
        ErrorKind::HostUnreachable => (FailureKind::Unreachable, format!("a route of this machine rejects {target}")),
        ErrorKind::PermissionDenied => {
            (FailureKind::Prohibited, format!("this machine's routes or firewall prohibit {target} ({e})"))
        }
        ErrorKind::InvalidInput => {
            (FailureKind::Unreachable, format!("a route of this machine discards {target} ({e})"))
        }
        ErrorKind::ConnectionRefused => (FailureKind::Refused, "connection refused: RST in answer to SYN".to_owned()),
        _ => (classify::io_kind(e), e.to_string()),
    };
    Failure::new(Step::Connect, kind, detail)
}

/// What came back from the network without an ICMP error in the queue.
fn remote_failure(e: &io::Error) -> Failure {
    let kind = classify::io_kind(e);
    let detail = match kind {
        FailureKind::Refused => "connection refused: RST in answer to SYN".to_owned(),
        FailureKind::TimedOut => "the kernel gave up: no answer to the SYN and its repetitions".to_owned(),
        _ => e.to_string(),
    };
    Failure::new(Step::Connect, kind, detail)
}

/// The failure that an ICMP error means for a connection; `None` where it decides nothing.
fn icmp_failure(icmp: &IcmpError, own: Option<IpAddr>) -> Option<Failure> {
    let kind = icmp.meaning().failure_kind()?;
    let local = icmp.from.is_some() && own == icmp.from && !icmp.from_target();
    let more = match kind {
        FailureKind::Unreachable if local => ", this machine: nobody answers on the local link",
        _ if local => ", this machine: a firewall here rejects",
        FailureKind::Refused => ": a firewall on it rejects",
        FailureKind::Prohibited if !icmp.from_target() => ", which is not the target: a filter there rejects",
        _ => "",
    };
    Some(Failure::new(Step::Connect, kind, format!("{icmp}{more}")))
}

fn local_ip(stream: &TcpStream) -> Option<IpAddr> {
    stream.local_addr().ok().map(|a| a.ip())
}

/// Asks the kernel to keep ICMP errors with their sender; failing to is no loss but of detail.
fn want_icmp(socket: &Socket, v6: bool) {
    let _ = if v6 { setsockopt(socket, Ipv6RecvErr, &true) } else { setsockopt(socket, Ipv4RecvErr, &true) };
}

/// The first ICMP error in the socket's error queue.
fn queued_icmp(stream: &TcpStream) -> Option<IcmpError> {
    ErrorQueue::of(stream).take()?
}

#[cfg(test)]
mod tests;
