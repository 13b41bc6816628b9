//! One TCP connection of a trace: its SYN, or the ClientHello over it, has a TTL of its own. Knows no other packet.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use nix::poll::PollFlags;
use nix::sys::socket::{setsockopt, sockopt};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use socket2::{Domain, Protocol, Socket, Type};

use super::super::icmp::ErrorQueue;
use super::super::several::any;
use super::{answer_of, set_ttl};
use crate::model::trace::{Carrier, Flow};
use crate::session::trace::{Answer, Ask, FULL};
use crate::session::{IcmpError, SendError};

pub struct Attempt {
    pub ask: Ask,
    to: SocketAddr,
    socket: Socket,
    /// The ClientHello that is sent once the connection is open.
    hello: Option<Vec<u8>>,
    said: bool,
}

impl Attempt {
    /// Sends the SYN from `port`, or from any port where that is taken or 0.
    pub fn begin(ask: Ask, to: SocketAddr, port: u16, flow: &Flow) -> io::Result<Self> {
        let hello = (flow.carrier == Carrier::Tls).then(|| hello(flow.name.as_deref(), to.ip())).flatten();
        let ttl = if hello.is_some() { FULL } else { ask.ttl };
        let socket = match open(to, port, ttl) {
            Ok(socket) => socket,
            Err(_) if port != 0 => open(to, 0, ttl)?,
            Err(error) => return Err(error),
        };
        let under_way = |e: &io::Error| {
            e.kind() == ErrorKind::WouldBlock
                || matches!(e.raw_os_error(), Some(libc::EINPROGRESS | libc::ECONNREFUSED))
        };
        if let Err(error) = socket.connect(&to.into())
            && !under_way(&error)
        {
            return Err(error);
        }
        Ok(Self { ask, to, socket, hello, said: false })
    }

    pub fn source_port(&self) -> Option<u16> {
        self.socket.local_addr().ok()?.as_socket().map(|a| a.port())
    }

    /// What to wait for.
    pub fn events(&self) -> PollFlags {
        if self.said { PollFlags::POLLIN } else { PollFlags::POLLOUT }
    }

    /// What came of it, if anything did.
    pub fn look(&mut self) -> Option<Answer> {
        // Before the queue: reading the queue clears it.
        let error = self.socket.take_error().ok().flatten();
        let own = self.socket.local_addr().ok().and_then(|a| a.as_socket()).map(|a| a.ip());
        let queued: Option<IcmpError> = ErrorQueue::of(&self.socket).take().flatten();
        if let Some(answer) = queued.and_then(|e| answer_of(&IcmpError { to: self.to, ..e }, own)) {
            return Some(answer);
        }
        match error.and_then(|e| e.raw_os_error()) {
            Some(libc::ECONNREFUSED) => return Some(Answer::Refused),
            Some(libc::ECONNRESET | libc::EPIPE) => return Some(if self.said { Answer::Cut } else { Answer::Refused }),
            // An open connection is told only that something like it came, and not from whom.
            Some(libc::EHOSTUNREACH) if self.said => return Some(Answer::Expired(None)),
            Some(libc::EPERM | libc::EACCES) => return Some(Answer::NotSent(SendError::Prohibited)),
            _ => {}
        }
        if self.said { self.heard() } else { self.opened() }
    }

    fn opened(&mut self) -> Option<Answer> {
        self.socket.peer_addr().ok()?;
        let Some(hello) = &self.hello else { return Some(Answer::Reached) };
        set_ttl(&self.socket, self.to.ip(), self.ask.ttl).ok()?;
        self.said = true;
        match self.socket.write_all(hello) {
            Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => Some(Answer::Cut),
            _ => None,
        }
    }

    fn heard(&mut self) -> Option<Answer> {
        let mut first = [0; 16];
        match self.socket.read(&mut first) {
            Ok(0) => Some(Answer::Cut),
            Ok(_) => Some(Answer::Reached),
            Err(e) if e.kind() == ErrorKind::ConnectionReset => Some(Answer::Cut),
            Err(e) if e.raw_os_error() == Some(libc::EHOSTUNREACH) => Some(Answer::Expired(None)),
            Err(_) => None,
        }
    }
}

impl Drop for Attempt {
    /// The reset that ends it is to come to the far end.
    fn drop(&mut self) {
        let _ = set_ttl(&self.socket, self.to.ip(), FULL);
        let _ = self.socket.set_linger(Some(Duration::ZERO));
    }
}

impl AsFd for Attempt {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn open(to: SocketAddr, port: u16, ttl: u8) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    match to.ip() {
        IpAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?,
        IpAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?,
    }
    set_ttl(&socket, to.ip(), ttl)?;
    if port != 0 {
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::new(any(to.ip()), port).into())?;
    }
    Ok(socket)
}

/// A ClientHello with `name`; without one where it is no name.
fn hello(name: Option<&str>, address: IpAddr) -> Option<Vec<u8>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    let config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let name = name.and_then(|n| ServerName::try_from(n.to_owned()).ok()).unwrap_or_else(|| ServerName::from(address));
    let mut connection = ClientConnection::new(Arc::new(config), name).ok()?;
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).ok()?;
    Some(bytes)
}
