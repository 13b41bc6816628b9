//! The media side of a call behind one trait: SDP, ICE, DTLS-SRTP, RTP both ways. What implements it may be exchanged; who
//! uses it knows neither its types nor its tasks, and nothing of signalling.

#[cfg(feature = "media")]
mod webrtc;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hyper::body::Bytes;
use tokio::sync::mpsc;

use crate::model::{Failure, Secret};
use crate::wire::janus::Candidate;

/// Events and packets that wait to be read.
#[cfg(feature = "media")]
const WAITING: usize = 4096;

/// What a call is to be made with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The far end: host candidates are of its family, and of the loopback only where it is.
    pub target: IpAddr,
    /// A TURN server over UDP, such as the near end of a shim.
    pub relay: Option<Relay>,
}

/// A TURN server that is reached over UDP and IPv4.
#[derive(Clone, Debug)]
pub struct Relay {
    pub address: SocketAddr,
    pub username: String,
    pub password: Secret,
}

/// Which of the call's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Opus: RTP's clock runs at 48 kHz.
    Audio,
    /// VP8, at 90 kHz.
    Video,
}

/// An RTP packet to be sent; payload type and SSRC are the engine's.
#[derive(Clone, Debug)]
pub struct Packet {
    pub kind: Kind,
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: Bytes,
}

/// What happens in an engine.
#[derive(Clone, Debug)]
pub enum Event {
    /// A candidate of this side.
    Candidate(Candidate),
    /// There will be no more of them.
    Gathered,
    /// A pair of candidates carries data.
    Ice(Instant),
    /// No pair does, or none any more.
    IceFailed,
    /// The DTLS handshake is through: media may flow.
    Connected(Instant),
    /// The DTLS handshake broke.
    DtlsFailed,
}

/// RTP that came.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub kind: Kind,
    pub at: Instant,
    pub payload: Bytes,
}

/// What the far end took of the offer, by codec name; `None` where it rejected the stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    pub audio: Option<String>,
    pub video: Option<String>,
}

/// One end of the pair of candidates in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// `host`, `srflx`, `prflx` or `relay`.
    pub kind: String,
    pub address: String,
    pub port: u16,
}

/// What an engine knows of its call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Local and remote end.
    pub pair: Option<(End, End)>,
    /// As reports of the far end tell it, the last one of audio, else of video.
    pub rtcp_rtt: Option<Duration>,
}

/// One call's media. It ends with the engine.
#[async_trait]
pub trait MediaEngine: Send + Sync {
    /// Makes the offer and begins to gather candidates.
    ///
    /// # Errors
    /// `Internal`: the engine's own.
    async fn prepare(&self) -> Result<(), Failure>;

    /// The offer as SDP, with the candidates that are known by now.
    async fn offer(&self) -> Option<String>;

    /// Takes the answer, which begins ICE.
    ///
    /// # Errors
    /// `BadAnswer`.
    async fn answer(&self, sdp: &str) -> Result<Accepted, Failure>;

    /// Takes a candidate of the far end; false where it cannot be used.
    async fn remote_candidate(&self, candidate: &Candidate) -> bool;

    /// Sends one packet; false where it could not be handed to the network.
    async fn send(&self, packet: Packet) -> bool;

    /// What is known of the call so far.
    async fn figures(&self) -> Figures;

    /// Ends the call at the far end too.
    async fn close(&self);
}

/// An engine, what will happen in it, and what will come.
pub struct Opened {
    pub engine: Arc<dyn MediaEngine>,
    pub events: mpsc::Receiver<Event>,
    pub arrivals: mpsc::Receiver<Arrival>,
}

/// Opens an engine; `None` where this build has none (feature `media`).
///
/// # Errors
/// `Internal`: the engine's own.
#[cfg(feature = "media")]
pub async fn open(setup: &Setup) -> Option<Result<Opened, Failure>> {
    let (told, events) = mpsc::channel(WAITING);
    let (came, arrivals) = mpsc::channel(WAITING);
    let engine = webrtc::open(setup, told, came).await;
    Some(engine.map(|engine| Opened { engine: Arc::new(engine), events, arrivals }))
}

/// Opens an engine; `None` where this build has none (feature `media`).
///
/// # Errors
/// Never, without one.
#[cfg(not(feature = "media"))]
pub async fn open(_: &Setup) -> Option<Result<Opened, Failure>> {
    None
}

/// Whether this build can make calls.
pub const fn is_there() -> bool {
    cfg!(feature = "media")
}
