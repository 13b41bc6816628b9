//! A far end on loopback that answers STAMP, STUN or neither, and may fall silent.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::wire::stamp::{self, ErrorEstimate, Reply, Report, Timestamp, kind};
use crate::wire::stun::{self, Message};

/// What it answers.
#[derive(Clone, Copy, Debug)]
pub struct Answers {
    pub stamp: bool,
    pub stun: bool,
    /// Its replies bear our report, and numbers of its own.
    pub report: bool,
    /// So many replies to one source, then silence.
    pub most: u32,
    /// Every so manieth reply is lost.
    pub loses: u32,
}

/// A responder of ours.
pub const RESPONDER: Answers = Answers { stamp: true, stun: true, report: true, most: u32::MAX, loses: 0 };
/// Any reflector after RFC 8762.
pub const REFLECTOR: Answers = Answers { stamp: true, stun: false, report: false, most: u32::MAX, loses: 0 };
/// A STUN server.
pub const STUN: Answers = Answers { stamp: false, stun: true, report: false, most: u32::MAX, loses: 0 };
/// Nobody.
pub const SILENT: Answers = Answers { stamp: false, stun: false, report: false, most: 0, loses: 0 };

/// Ends its thread when it is dropped.
pub struct Far {
    pub port: u16,
    over: Arc<AtomicBool>,
}

impl Drop for Far {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Far {
    pub fn at(address: &str, answers: Answers) -> Self {
        let socket = UdpSocket::bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let port = socket.local_addr().unwrap().port();
        let over = Arc::new(AtomicBool::new(false));
        let flag = over.clone();
        std::thread::spawn(move || serve(&socket, answers, &flag));
        Self { port, over }
    }
}

fn serve(socket: &UdpSocket, answers: Answers, over: &AtomicBool) {
    let (mut buf, mut out) = ([0; 2048], [0; 2048]);
    let mut replies = 0;
    let mut sources: HashMap<SocketAddr, Report> = HashMap::new();
    while !over.load(Ordering::Relaxed) {
        let Ok((len, from)) = socket.recv_from(&mut buf) else { continue };
        let state = sources.entry(from).or_default();
        let bytes = &buf[..len];
        let is_stun = bytes.get(4..8) == Some(&[0x21, 0x12, 0xA4, 0x42]);
        let reply = match (is_stun, state.unique < answers.most) {
            (_, false) => None,
            (true, _) if answers.stun => {
                let id = Message::read(bytes).unwrap().id();
                state.unique += 1;
                stun::write_binding_success(&mut out, id, from, answers.report, None)
            }
            (false, _) if answers.stamp => reflect(state, answers, bytes, &mut out),
            _ => None,
        };
        replies += u32::from(reply.is_some());
        let lost = answers.loses > 0 && replies % answers.loses == 0;
        if let Some(len) = reply.filter(|_| !lost) {
            let _ = socket.send_to(&out[..len], from);
        }
    }
}

/// Nothing is lost or overtaken on loopback, so the state is simple.
fn reflect(state: &mut Report, answers: Answers, bytes: &[u8], out: &mut [u8]) -> Option<usize> {
    let (request, tlvs) = stamp::read_request(bytes, None).ok()?;
    let asked = tlvs.first_of(kind::REPORT).and_then(|tlv| Report::read(tlv.value)).unwrap_or_default();
    let number = state.unique;
    if !asked.query {
        state.unique += 1;
        state.highest = request.seq;
        state.window = state.window << 1 | 1;
    }
    let now = Timestamp::ntp(crate::net::clock::wall());
    let reply = Reply {
        seq: if answers.report { number } else { request.seq },
        sent: now,
        error: ErrorEstimate::UNSYNCHRONISED,
        ssid: request.ssid,
        received: now,
        request_seq: request.seq,
        request_sent: request.sent,
        request_error: request.error,
        ttl: 64,
    };
    let report = Report { token: asked.token, query: asked.query, ..*state };
    stamp::write_reply(out, &reply, bytes, None, answers.report.then_some(&report), None)
}
