//! What a page tells of its run. It was written by anybody: every list, text and number is bounded here.

use serde::Deserialize;

/// Bytes of what a page tells.
pub const MOST_BYTES: usize = 1 << 20;
/// Elements of a list that is kept.
const MOST: usize = 256;
/// Packets of a train, and replies to them.
const MOST_PACKETS: usize = 4_000;
/// Milliseconds that anything in a run may take.
const LONGEST_MS: f64 = 600_000.0;

/// A run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    pub version: u32,
    pub duration_ms: f64,
    pub browser: Browser,
    /// The visitor ended it.
    #[serde(default)]
    pub interrupted: bool,
    #[serde(default)]
    pub pages: Vec<Page>,
    #[serde(default)]
    pub sockets: Vec<Socket>,
    #[serde(default)]
    pub ports: Vec<Ports>,
    #[serde(default)]
    pub trains: Vec<Train>,
    #[serde(default)]
    pub relays: Vec<Relay>,
}

/// The browser.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Browser {
    pub agent: String,
    pub webrtc: bool,
    pub secure: bool,
    #[serde(default)]
    pub codecs: Vec<String>,
    /// `not-asked`, `granted`, `refused`, `none`.
    #[serde(default)]
    pub devices: String,
}

/// When something began, and how long it took.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    pub at_ms: f64,
    pub took_ms: f64,
}

/// A page that was asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    pub item: usize,
    pub span: Span,
    pub end: PageEnd,
    #[serde(default)]
    pub status: Option<u16>,
    #[serde(default)]
    pub server: Option<String>,
}

/// How that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageEnd {
    /// With an answer that the browser shows.
    Answered,
    /// With one that it keeps to itself.
    Opaque,
    /// With an error that it does not explain.
    Failed,
    /// Not in time.
    TimedOut,
}

/// A WebSocket that was opened.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Socket {
    pub item: usize,
    pub span: Span,
    pub end: SocketEnd,
    #[serde(default)]
    pub protocol: Option<String>,
    /// A message to its echo.
    #[serde(default)]
    pub echo_ms: Option<f64>,
}

/// How that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SocketEnd {
    Open,
    /// Not opened, and HTTPS answers on the port.
    NoUpgrade,
    Failed,
    TimedOut,
}

/// Single UDP ports that were asked by ICE.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    pub item: usize,
    pub span: Span,
    #[serde(default)]
    pub answered: Vec<u16>,
    #[serde(default)]
    pub silent: Vec<u16>,
    /// The browser gave no candidate that could have asked.
    #[serde(default)]
    pub no_candidates: bool,
    /// Why none was asked.
    #[serde(default)]
    pub refused: Option<String>,
}

/// One end of a pair of candidates.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub address: String,
    #[serde(default)]
    pub protocol: String,
}

/// The pair that carried it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    pub local: End,
    pub remote: End,
    #[serde(default)]
    pub rtt_ms: Option<f64>,
}

/// A connection with a peer, however far it came.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// How far: absent where it came to its end.
    #[serde(default)]
    pub failed: Option<PeerEnd>,
    /// In words, where something gave any.
    #[serde(default)]
    pub detail: Option<String>,
    #[serde(default)]
    pub port: Option<u16>,
    #[serde(default)]
    pub connected_ms: Option<f64>,
    #[serde(default)]
    pub pair: Option<Pair>,
    /// `host`, `srflx`, `relay` candidates that were gathered.
    #[serde(default)]
    pub candidates: Vec<End>,
    #[serde(default)]
    pub errors: Vec<CandidateError>,
}

/// Where a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeerEnd {
    /// The browser has no WebRTC, or keeps its candidates back.
    NoCandidates,
    /// The responder took no offer.
    Refused,
    /// The relay gave no address.
    NoRelay,
    /// No pair of candidates worked.
    NotConnected,
    /// ICE worked and DTLS or the channel did not.
    NoChannel,
}

/// `icecandidateerror`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CandidateError {
    pub code: u16,
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub url: String,
}

/// A train of messages over a data channel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Train {
    pub measure: usize,
    pub span: Span,
    /// The direct connection.
    pub peer: Peer,
    /// Present where that one did not come up and a relay was tried in its place: then all below went through it.
    #[serde(default)]
    pub relayed: Option<Relayed>,
    /// Messages that were due and not sent in their time.
    #[serde(default)]
    pub skipped: u32,
    /// The page was hidden meanwhile, where browsers slow it down.
    #[serde(default)]
    pub hidden: bool,
    /// When each was sent, how late, and its bytes.
    #[serde(default)]
    pub sent: Vec<(f64, f64, u16)>,
    /// Which one was answered, the responder's count, when the answer came, and the responder's time.
    #[serde(default)]
    pub replies: Vec<(u32, u32, f64, f64)>,
    #[serde(default)]
    pub audio: Option<Audio>,
}

/// A train's connection through a relay: of a rule, or one that the operator names.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relayed {
    #[serde(default)]
    pub item: Option<usize>,
    #[serde(default)]
    pub trial: Option<usize>,
    pub peer: Peer,
}

/// Audio that the responder sent back.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audio {
    pub sent: u32,
    pub received: u32,
    #[serde(default)]
    pub lost: Option<i64>,
    #[serde(default)]
    pub jitter_ms: Option<f64>,
    #[serde(default)]
    pub rtt_ms: Option<f64>,
}

/// A relay: of a rule, or one that the operator names.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    #[serde(default)]
    pub item: Option<usize>,
    #[serde(default)]
    pub trial: Option<usize>,
    pub span: Span,
    pub peer: Peer,
    #[serde(default)]
    pub sent: u32,
    #[serde(default)]
    pub received: u32,
    #[serde(default)]
    pub rtt_ms: Vec<f64>,
}

/// Reads what a page told.
///
/// # Errors
/// A sentence: it is too long, no JSON of this shape, or of another version.
pub fn read(bytes: &[u8]) -> Result<Told, String> {
    if bytes.len() > MOST_BYTES {
        return Err(format!("longer than {MOST_BYTES} bytes"));
    }
    let mut told: Told = serde_json::from_slice(bytes).map_err(|e| format!("not what a page tells: {e}"))?;
    if told.version != 1 {
        return Err("of another version of the page; load it again".to_owned());
    }
    told.bound();
    Ok(told)
}

/// Text that can be shown: no control characters, and no more than `most` characters.
pub fn shown(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

impl Told {
    fn bound(&mut self) {
        self.duration_ms = time(self.duration_ms);
        self.browser.agent = shown(&self.browser.agent, 300);
        self.browser.devices = shown(&self.browser.devices, 40);
        texts(&mut self.browser.codecs, 60);
        self.pages.truncate(MOST);
        self.sockets.truncate(MOST);
        self.ports.truncate(MOST);
        self.trains.truncate(MOST);
        self.relays.truncate(MOST);
        self.pages.iter_mut().for_each(|p| (p.span, p.server) = (p.span.bounded(), text(&p.server, 80)));
        for socket in &mut self.sockets {
            (socket.span, socket.protocol) = (socket.span.bounded(), text(&socket.protocol, 80));
            socket.echo_ms = socket.echo_ms.map(time);
        }
        for ports in &mut self.ports {
            (ports.span, ports.refused) = (ports.span.bounded(), text(&ports.refused, 200));
            ports.answered.truncate(MOST);
            ports.silent.truncate(MOST);
        }
        for train in &mut self.trains {
            train.span = train.span.bounded();
            train.peer.bound();
            train.relayed.iter_mut().for_each(|r| r.peer.bound());
            train.sent.truncate(MOST_PACKETS);
            train.replies.truncate(2 * MOST_PACKETS);
        }
        for relay in &mut self.relays {
            relay.span = relay.span.bounded();
            relay.peer.bound();
            relay.rtt_ms.truncate(MOST);
        }
    }
}

impl Span {
    fn bounded(self) -> Self {
        Self { at_ms: time(self.at_ms), took_ms: time(self.took_ms) }
    }
}

impl Peer {
    fn bound(&mut self) {
        self.detail = text(&self.detail, 200);
        self.connected_ms = self.connected_ms.map(time);
        self.candidates.truncate(24);
        self.errors.truncate(24);
        let pair = self.pair.iter_mut().flat_map(|p| [&mut p.local, &mut p.remote]);
        for end in self.candidates.iter_mut().chain(pair) {
            (end.kind, end.address, end.protocol) =
                (shown(&end.kind, 10), shown(&end.address, 100), shown(&end.protocol, 10));
        }
        self.errors.iter_mut().for_each(|e| (e.text, e.url) = (shown(&e.text, 120), shown(&e.url, 160)));
    }
}

/// A time that can be one.
pub fn time(ms: f64) -> f64 {
    if ms.is_finite() { ms.clamp(0.0, LONGEST_MS) } else { 0.0 }
}

fn text(text: &Option<String>, most: usize) -> Option<String> {
    text.as_deref().map(|t| shown(t, most))
}

fn texts(all: &mut Vec<String>, most: usize) {
    all.truncate(MOST);
    all.iter_mut().for_each(|t| *t = shown(t, most));
}
