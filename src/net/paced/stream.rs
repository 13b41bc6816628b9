//! A connected TCP or TLS stream on which each datagram of a session is a frame of TURN's (RFC 8656 section 12.5, RFC 8489
//! section 6.2.2). What the socket does not take at once is kept, within a bound; a peer that closes, resets or sends
//! what begins no frame ends it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use nix::poll::PollFlags;
use rustls::ClientConnection;

use super::Line;
use super::arrivals::{self, Arrivals};
use crate::model::{Failure, FailureKind, Step};
use crate::net::{classify, clock, leg};
use crate::session::{Arrival, SendError, Session};
use crate::wire::turn::frames::{Framer, padding};

/// So much may wait to be sent: seconds of a call. What comes on top of it is not sent.
const MOST_WAITING: usize = 256 * 1024;

/// Read at once, and so often before sending has its turn.
const CHUNK: usize = 16 * 1024;
const TURN: usize = 16;

pub struct Stream {
    socket: TcpStream,
    tls: Option<ClientConnection>,
    server: SocketAddr,
    arrivals: Arrivals,
    framer: Framer,
    /// Bytes that the socket has not taken yet.
    waiting: Vec<u8>,
    chunk: Vec<u8>,
    step: Step,
    cut: Option<Failure>,
}

impl Stream {
    /// Takes over a connection that blocks nobody and delays nothing (TCP_NODELAY).
    pub fn new(socket: TcpStream, tls: Option<ClientConnection>, server: SocketAddr, step: Step) -> Self {
        let _ = arrivals::ask_for(&socket, server.is_ipv4());
        Self {
            socket,
            tls,
            server,
            arrivals: Arrivals::new(clock::now()),
            framer: Framer::new(),
            waiting: Vec::new(),
            chunk: vec![0; CHUNK],
            step,
            cut: None,
        }
    }

    /// Says goodbye, as far as the socket takes it at once.
    pub fn end(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
        }
        let _ = self.flush();
    }

    /// Frame and padding in one write, so that they are one record of TLS.
    fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        let padding = padding(frame);
        match &mut self.tls {
            Some(tls) => tls.writer().write_all(&[frame, padding].concat())?,
            None => {
                self.waiting.extend_from_slice(frame);
                self.waiting.extend_from_slice(padding);
            }
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                tls.write_tls(&mut self.waiting)?;
            }
        }
        while !self.waiting.is_empty() {
            match self.socket.write(&self.waiting) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(len) => drop(self.waiting.drain(..len)),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Hands in the frames of what came; `Ok(false)`: nothing more is there now.
    fn read(&mut self, session: &mut impl Session) -> Result<bool, Failure> {
        let (len, at) = match self.arrivals.read(&self.socket, &mut self.chunk) {
            Ok((0, _)) => return Err(self.closed()),
            Ok(read) => read,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(false),
            Err(e) => return Err(classify::io(self.step, &e)),
        };
        let mut chunk = std::mem::take(&mut self.chunk);
        let taken = match self.tls.is_some() {
            true => self.decrypt(chunk.get(..len).unwrap_or_default(), at, session),
            false => self.deframe(chunk.get(..len).unwrap_or_default(), at, session),
        };
        std::mem::swap(&mut chunk, &mut self.chunk);
        taken.map(|()| true)
    }

    fn decrypt(&mut self, mut bytes: &[u8], at: Instant, session: &mut impl Session) -> Result<(), Failure> {
        let mut plain = [0; 4096];
        while !bytes.is_empty() {
            let Some(tls) = &mut self.tls else { return Ok(()) };
            tls.read_tls(&mut bytes).map_err(|e| classify::io(self.step, &e))?;
            tls.process_new_packets().map_err(|e| classify::io(self.step, &io::Error::other(e)))?;
            loop {
                let Some(tls) = &mut self.tls else { return Ok(()) };
                match tls.reader().read(&mut plain) {
                    Ok(0) => return Err(self.closed()),
                    Ok(len) => self.deframe(plain.get(..len).unwrap_or_default(), at, session)?,
                    Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                    Err(e) => return Err(classify::io(self.step, &e)),
                }
            }
        }
        Ok(())
    }

    fn deframe(&mut self, bytes: &[u8], at: Instant, session: &mut impl Session) -> Result<(), Failure> {
        self.framer.push(bytes);
        while let Some(frame) = self.framer.next_frame().map_err(|e| leg::garbage(&e, self.step))? {
            session.on_arrival(at, self.server, frame, Arrival::default());
        }
        Ok(())
    }

    fn closed(&self) -> Failure {
        let within = match self.framer.pending() {
            0 => String::new(),
            cut_off => format!(" after {cut_off} bytes of a message"),
        };
        Failure::new(self.step, FailureKind::Closed, format!("the relay closed the connection{within}"))
    }
}

impl Line for Stream {
    fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn awaited(&self) -> PollFlags {
        if self.waiting.is_empty() { PollFlags::POLLIN } else { PollFlags::POLLIN | PollFlags::POLLOUT }
    }

    fn send(&mut self, _: &mut impl Session, bytes: &[u8], _: SocketAddr) -> Result<(), SendError> {
        if self.waiting.len() > MOST_WAITING {
            return Err(SendError::Other(libc::ENOBUFS));
        }
        if self.cut.is_none()
            && let Err(e) = self.write(bytes)
        {
            self.cut = Some(classify::io(self.step, &e));
        }
        Ok(())
    }

    fn take(&mut self, session: &mut impl Session, _: &mut [u8]) {
        for _ in 0..TURN {
            match self.read(session) {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) => {
                    self.cut = Some(failure);
                    return;
                }
            }
        }
        if let Err(e) = self.flush() {
            self.cut.get_or_insert(classify::io(self.step, &e));
        }
    }

    fn cut(&mut self) -> Option<Failure> {
        self.cut.clone()
    }
}

#[cfg(test)]
mod tests;
