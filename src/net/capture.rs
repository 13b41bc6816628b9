//! The packets of this process's own flows, and of nobody else, as a pcap file in memory: one packet socket, read by one
//! thread. A flow is ours when its socket is this process's when the first packet is seen, or when it is a TCP connection that
//! was opened here meanwhile; ICMP errors are when they
//! quote such a flow; everything else is dropped unread. Of TCP that is not TLS only the headers are kept, for logins may
//! stand in the rest. Knows no run.

mod blank;
mod keep;
pub(super) mod opened;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::host::Root;
use keep::Keep;

/// What a capture holds at the most.
pub const MOST_BYTES: usize = 64 << 20;

/// What was kept.
#[derive(Debug, Default)]
pub struct Captured {
    /// A pcap file.
    pub file: Vec<u8>,
    pub packets: usize,
    /// There was more than is held.
    pub is_full: bool,
    /// So many packets, of whomever, came faster than they were looked at.
    pub missed: u32,
}

/// A capture under way.
pub struct Capture {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Captured>,
}

impl Capture {
    /// Begins one.
    ///
    /// # Errors
    /// A sentence: the privilege is missing, or the system has no such sockets.
    pub fn begin() -> Result<Self, String> {
        let socket = open().map_err(|error| refused(&error))?;
        opened::begin();
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let run = move || listen(&socket, Keep::new(Root::default(), MOST_BYTES), &until);
        let thread = std::thread::Builder::new().name("capture".to_owned()).spawn(run);
        let thread = thread.map_err(|e| format!("--pcap: no thread could be started: {e}"))?;
        Ok(Self { stop, thread })
    }

    /// Ends it, after what has come was read.
    pub fn end(self) -> Captured {
        self.stop.store(true, Ordering::Relaxed);
        let captured = self.thread.join().unwrap_or_default();
        opened::end();
        captured
    }
}

fn refused(error: &io::Error) -> String {
    let path = std::env::current_exe().map_or_else(|_| "PATH/rtc-check".to_owned(), |p| p.display().to_string());
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => format!(
            "--pcap needs a packet socket, which this user may not open: run it as root, or grant it once with \
             `sudo setcap cap_net_raw+ep {path}`"
        ),
        _ => format!("--pcap needs a packet socket, which this system does not give: {error}"),
    }
}

#[cfg(not(target_os = "linux"))]
fn open() -> io::Result<std::net::UdpSocket> {
    Err(io::Error::other("only Linux has packet sockets"))
}

#[cfg(not(target_os = "linux"))]
fn listen(_: &std::net::UdpSocket, keep: Keep, _: &AtomicBool) -> Captured {
    keep.finish(0)
}

#[cfg(target_os = "linux")]
use packets::{listen, open};

#[cfg(target_os = "linux")]
mod packets {
    //! The packet socket itself (packet(7)).

    use std::io::{self, IoSliceMut};
    use std::os::fd::{AsFd, AsRawFd};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sys::socket::{ControlMessageOwned, LinkAddr, MsgFlags, recvmsg, setsockopt, sockopt};
    use socket2::{Domain, Protocol, Socket, Type};

    use super::Captured;
    use super::keep::{Keep, Seen};
    use crate::net::clock;

    /// No packet is longer, but for what a card hands over in one piece.
    const LONGEST: usize = 65_535;
    /// Room for what comes while a flow's socket is looked for.
    const RECEIVE_BUFFER: usize = 16 << 20;
    /// How soon the end is seen, in milliseconds.
    const NAP: u8 = 50;
    /// `PACKET_OUTGOING` (Linux, `include/uapi/linux/if_packet.h`) and `ARPHRD_LOOPBACK`.
    const OUTGOING: u8 = 4;
    const LOOPBACK: u16 = 772;

    /// Every packet of every interface, from its IP header on.
    pub(super) fn open() -> io::Result<Socket> {
        let all = i32::from((libc::ETH_P_ALL as u16).to_be());
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(all)))?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        let _ = setsockopt(&socket, sockopt::RxqOvfl, &1);
        if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
            let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        }
        Ok(socket)
    }

    /// Reads until it is told to stop and nothing more is there.
    pub(super) fn listen(socket: &Socket, mut keep: Keep, stop: &AtomicBool) -> Captured {
        let (mut buf, mut missed) = (vec![0; LONGEST], 0);
        loop {
            let stopping = stop.load(Ordering::Relaxed);
            while take(socket, &mut buf, &mut keep, &mut missed) {}
            if stopping {
                return keep.finish(missed);
            }
            let _ = poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], PollTimeout::from(NAP));
        }
    }

    /// Takes one packet; false where none is there.
    fn take(socket: &Socket, buf: &mut [u8], keep: &mut Keep, missed: &mut u32) -> bool {
        let mut control = [0u8; 128];
        let mut slices = [IoSliceMut::new(buf)];
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
        let Ok(message) = recvmsg::<LinkAddr>(socket.as_raw_fd(), &mut slices, Some(&mut control), flags) else {
            return false;
        };
        let (length, link) = (message.bytes, message.address);
        let mut at = None;
        for cmsg in message.cmsgs().into_iter().flatten() {
            match cmsg {
                ControlMessageOwned::ScmTimestampns(time) => at = Some(Duration::from(time)),
                ControlMessageOwned::RxqOvfl(count) => *missed = count,
                _ => {}
            }
        }
        let is_loopback = link.is_some_and(|l| l.hatype() == LOOPBACK);
        let is_outgoing = link.is_some_and(|l| l.pkttype() == OUTGOING);
        // What goes over loopback is seen twice.
        if !(is_loopback && is_outgoing) {
            let bytes = buf.get(..length.min(LONGEST)).unwrap_or_default();
            let at = at.unwrap_or_else(clock::wall);
            keep.packet(&Seen { at, length, bytes, is_outgoing, is_loopback });
        }
        true
    }
}
