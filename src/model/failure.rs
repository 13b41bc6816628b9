//! How a network fails, as a result: which step, which kind, and the words of the operating system or peer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The layer at which a probe stood when something happened, in the order in which a probe climbs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The name's resolution.
    Name,
    /// The TCP handshake.
    Connect,
    /// The TLS handshake.
    Tls,
    /// A request sent, up to the first byte of its answer.
    Request,
    /// The WebSocket upgrade.
    Upgrade,
    /// WebSocket ping and pong.
    Ping,
    /// A WebSocket held open in silence.
    Hold,
    /// A greeting that the server sends by itself.
    Banner,
    /// A STUN transaction.
    Stun,
    /// A paced sweep over a range of ports.
    Sweep,
    /// Opening a test session on a responder.
    Session,
    /// A train of test packets.
    Train,
    /// A paced flow between this machine and a responder.
    Flow,
    /// A proxy reached and asked to connect (HTTP CONNECT, SOCKS5).
    Proxy,
    /// A TURN allocation, from the first request to its relayed address.
    Allocate,
    /// A TURN permission for the peer.
    Permission,
    /// A TURN channel bound to the peer.
    Channel,
    /// Data sent through a relay.
    Relay,
    /// A TURN allocation given back.
    Release,
    /// What a NAT makes of one source towards several destinations.
    Mapping,
    /// Whom a NAT lets answer.
    Filtering,
    /// How long a NAT remembers a source that is silent.
    Lifetime,
    /// ICE candidates gathered.
    Gather,
    /// ICE connectivity checks, up to a pair that carries data.
    Checks,
    /// What a media server says of itself.
    Info,
    /// SDP offer and answer.
    Offer,
    /// The DTLS handshake.
    Dtls,
    /// Media of a call, there and back.
    Media,
    /// OPTIONS of SIP or RTSP.
    Options,
    /// RTSP DESCRIBE.
    Describe,
    /// A handshake of the service's own, such as RTMP's.
    Handshake,
    /// The first command after it, such as RTMP's `connect`.
    Command,
    /// SSH's offer of algorithms.
    KeyExchange,
    /// IKE_SA_INIT.
    IkeInit,
    /// A GRE packet.
    Gre,
    /// A look at this machine itself.
    Machine,
}

impl Step {
    /// The name as it stands in the JSON report.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Name => "name",
            Step::Connect => "connect",
            Step::Tls => "tls",
            Step::Request => "request",
            Step::Upgrade => "upgrade",
            Step::Ping => "ping",
            Step::Hold => "hold",
            Step::Banner => "banner",
            Step::Stun => "stun",
            Step::Sweep => "sweep",
            Step::Session => "session",
            Step::Train => "train",
            Step::Flow => "flow",
            Step::Proxy => "proxy",
            Step::Allocate => "allocate",
            Step::Permission => "permission",
            Step::Channel => "channel",
            Step::Relay => "relay",
            Step::Release => "release",
            Step::Mapping => "mapping",
            Step::Filtering => "filtering",
            Step::Lifetime => "lifetime",
            Step::Gather => "gather",
            Step::Checks => "checks",
            Step::Info => "info",
            Step::Offer => "offer",
            Step::Dtls => "dtls",
            Step::Media => "media",
            Step::Options => "options",
            Step::Describe => "describe",
            Step::Handshake => "handshake",
            Step::Command => "command",
            Step::KeyExchange => "key-exchange",
            Step::IkeInit => "ike-init",
            Step::Gre => "gre",
            Step::Machine => "machine",
        }
    }
}

/// The classes of failure that a reader, and the judge, must tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    // Names.
    /// The resolver says that the name does not exist.
    NxDomain,
    /// The resolver answered SERVFAIL, REFUSED or another error.
    ResolverError,
    /// No resolver answered in time.
    ResolverTimeout,
    /// The name exists and has no address.
    NoAddress,
    // Reaching the host.
    /// TCP RST in answer to SYN, or ICMP port unreachable: the host itself (or a firewall in its name) refuses.
    Refused,
    /// Nothing came back in the time given.
    TimedOut,
    /// ICMP: host or network unreachable.
    Unreachable,
    /// ICMP: administratively prohibited, or EACCES/EPERM from the local firewall.
    Prohibited,
    /// ICMP: datagram too big and must not be fragmented.
    TooBig,
    /// This machine has no address or route in the family.
    NoRoute,
    // An open connection.
    /// The connection was reset.
    Reset,
    /// The connection was closed before the answer was complete.
    Closed,
    /// The peer answered, and not in the protocol expected.
    Garbage,
    /// The peer's answer exceeded a bound (header, message, banner size).
    TooLarge,
    // TLS.
    /// The certificate's validity ended.
    CertExpired,
    /// The certificate's validity has not begun.
    CertNotYetValid,
    /// The certificate is for other names.
    CertWrongName,
    /// The chain ends at an issuer that is not trusted here.
    CertUnknownIssuer,
    /// The server left out an intermediate certificate.
    CertIncompleteChain,
    /// The certificate is unusable for another reason (signature, constraints, revoked).
    CertInvalid,
    /// The server speaks only TLS 1.1 or older.
    TlsOldVersion,
    /// The handshake was cut off by a reset or an end of stream.
    TlsCutOff,
    /// A fatal alert, or another failure of the handshake.
    TlsRefused,
    /// The port answers in plain text.
    NotTls,
    // HTTP, WebSocket, greeting.
    /// An HTTP answer with a status that the rule does not take.
    HttpStatus,
    /// An HTTP answer in place of `101 Switching Protocols`.
    UpgradeRefused,
    /// `101`, without the subprotocol that was asked for.
    WrongSubprotocol,
    /// A redirect that leads elsewhere than the rule expects.
    WrongRedirect,
    /// A held connection was cut.
    HoldCut,
    /// A STUN error response.
    StunError,
    /// A responder grants no test session.
    SessionRefused,
    // Relays, ICE and calls.
    /// A TURN error response: `observed.turn_error` has its code.
    TurnError,
    /// The relay asks for credentials and none were given.
    NoCredentials,
    /// An allocation was made, and nothing that was sent through it came back.
    NoRelay,
    /// The proxy would not connect: `observed.proxy_answer` has its answer.
    ProxyRefused,
    /// The proxy asks for a login, or does not accept the one it was given.
    ProxyLogin,
    /// The proxy answers in the target's place: a page or bytes of its own where the tunnel should be.
    ProxyAnswered,
    /// No pair of ICE candidates worked.
    IceFailed,
    /// The media server lacks the plugin that the test needs.
    NoPlugin,
    /// The server understood and answered with an error of its own protocol.
    ServerError,
    /// An SDP answer that cannot be used.
    BadAnswer,
    /// The call was connected, and no media came back.
    NoMedia,
    /// This machine does not let the program do what the check needs.
    NoPrivilege,
    /// This machine does not tell it, or not this user.
    NotTold,
    /// The run's budget or an interruption ended the check first.
    OutOfTime,
    /// The probe itself broke: a defect of this program.
    Internal,
}

impl FailureKind {
    /// The name as it stands in the JSON report.
    pub fn as_str(self) -> &'static str {
        match self {
            FailureKind::NxDomain => "nx-domain",
            FailureKind::ResolverError => "resolver-error",
            FailureKind::ResolverTimeout => "resolver-timeout",
            FailureKind::NoAddress => "no-address",
            FailureKind::Refused => "refused",
            FailureKind::TimedOut => "timed-out",
            FailureKind::Unreachable => "unreachable",
            FailureKind::Prohibited => "prohibited",
            FailureKind::TooBig => "too-big",
            FailureKind::NoRoute => "no-route",
            FailureKind::Reset => "reset",
            FailureKind::Closed => "closed",
            FailureKind::Garbage => "garbage",
            FailureKind::TooLarge => "too-large",
            FailureKind::CertExpired => "cert-expired",
            FailureKind::CertNotYetValid => "cert-not-yet-valid",
            FailureKind::CertWrongName => "cert-wrong-name",
            FailureKind::CertUnknownIssuer => "cert-unknown-issuer",
            FailureKind::CertIncompleteChain => "cert-incomplete-chain",
            FailureKind::CertInvalid => "cert-invalid",
            FailureKind::TlsOldVersion => "tls-old-version",
            FailureKind::TlsCutOff => "tls-cut-off",
            FailureKind::TlsRefused => "tls-refused",
            FailureKind::NotTls => "not-tls",
            FailureKind::HttpStatus => "http-status",
            FailureKind::UpgradeRefused => "upgrade-refused",
            FailureKind::WrongSubprotocol => "wrong-subprotocol",
            FailureKind::WrongRedirect => "wrong-redirect",
            FailureKind::HoldCut => "hold-cut",
            FailureKind::StunError => "stun-error",
            FailureKind::SessionRefused => "session-refused",
            FailureKind::TurnError => "turn-error",
            FailureKind::NoCredentials => "no-credentials",
            FailureKind::NoRelay => "no-relay",
            FailureKind::ProxyRefused => "proxy-refused",
            FailureKind::ProxyLogin => "proxy-login",
            FailureKind::ProxyAnswered => "proxy-answered",
            FailureKind::IceFailed => "ice-failed",
            FailureKind::NoPlugin => "no-plugin",
            FailureKind::ServerError => "server-error",
            FailureKind::BadAnswer => "bad-answer",
            FailureKind::NoMedia => "no-media",
            FailureKind::NoPrivilege => "no-privilege",
            FailureKind::NotTold => "not-told",
            FailureKind::OutOfTime => "out-of-time",
            FailureKind::Internal => "internal",
        }
    }
}

/// One failure of a network, classified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{}: {detail}", .step.as_str())]
pub struct Failure {
    /// The step that failed.
    pub step: Step,
    /// Its class.
    pub kind: FailureKind,
    /// One clause in plain words with its numbers, no final stop: `no answer to 3 SYNs in 5.0 s`.
    pub detail: String,
}

impl Failure {
    /// A failure at `step` of class `kind`, told by `detail`.
    pub fn new(step: Step, kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { step, kind, detail: detail.into() }
    }
}
