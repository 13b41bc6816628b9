//! What each kind of probe has to know of its rule, beyond host and port.

use crate::model::{RelayTransport, Service, Transport};

use super::row::{Row, transport};

/// What the service's probe has to know. The variants meet a probe in one `match`, in `probe/mod.rs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec {
    /// `http`, `https`.
    Http(HttpSpec),
    /// `http-redirect`.
    Redirect(RedirectSpec),
    /// `ws`, `wss`.
    Ws(WsSpec),
    /// `stun` over UDP.
    Stun,
    /// `rtp`: a range of UDP ports.
    Range,
    /// `ssh`.
    Ssh,
    /// `dns`: the names themselves.
    Dns,
    /// `turn`, `turns`: a relay, over what its rule's transport says.
    Turn(RelayTransport),
    /// `rtsp`.
    Rtsp(RtspSpec),
    /// `rtmp`, `rtmps`.
    Rtmp(RtmpSpec),
    /// `sip`, over what its rule's transport says.
    Sip(SipCarrier),
    /// `ike`.
    Ike(IkeSpec),
    /// `gre`: IP protocol 47.
    Gre,
    /// `ftp`.
    Ftp,
}

/// `http`, `https`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSpec {
    /// TLS first.
    pub tls: bool,
    /// The document says "HTTP/HTTPS": plain text is taken where TLS is not spoken, and the other way round.
    pub either: bool,
    /// Path to ask for, `/` unless the profile says otherwise.
    pub path: String,
    /// What must be behind the port; `None`: any HTTP server.
    pub expect: Option<Expected>,
}

/// What must be behind an HTTP port, for an answer to count as the right service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Wowza Streaming Engine, its manager or its REST API.
    Wowza,
    /// Janus Gateway's API.
    Janus,
    /// Janus Gateway's admin API.
    JanusAdmin,
    /// A directory of ACME (RFC 8555 section 7.1.1).
    Acme,
    /// A repository of packages, images or the like: a page that exists, on the host that was asked.
    Repository,
    /// The host that was asked and nobody in its place: no page of it is known.
    Host,
}

/// `rtsp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtspSpec {
    /// Path of the stream to describe; `None`: OPTIONS alone.
    pub path: Option<String>,
}

/// `rtmp`, `rtmps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtmpSpec {
    /// TLS first.
    pub tls: bool,
    /// Application to connect to. No document names one: a refusal of it is an RTMP server's answer too.
    pub app: String,
}

/// What carries SIP (RFC 3261 section 18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SipCarrier {
    Udp,
    Tcp,
    Tls,
}

/// `ike`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IkeSpec {
    /// The port is shared with ESP: every message begins with the non-ESP marker (RFC 3948 section 2.2).
    pub marker: bool,
}

/// The port of IKE that is shared with ESP (RFC 3948).
const NAT_TRAVERSAL: u16 = 4500;

/// `http-redirect`: plain HTTP that is "Forwarded".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectSpec {
    /// Path to ask for, `/` unless the profile says otherwise.
    pub path: String,
}

/// `ws`, `wss`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WsSpec {
    /// TLS first.
    pub tls: bool,
    /// Path of the upgrade.
    pub path: String,
    /// Subprotocol that is offered and must be selected.
    pub subprotocol: Option<String>,
    /// What an HTTP answer in place of the upgrade is worth.
    pub refused: RefusedUpgrade,
}

/// What an HTTP answer in place of the upgrade is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefusedUpgrade {
    /// The path and subprotocol are known: the service is not as expected.
    #[default]
    Fail,
    /// The document names no path: the port is open and speaks HTTP, which is all that can be asked.
    Warn,
}

/// What the probe of `row`'s service has to know, with the defaults where the row says nothing.
pub(super) fn build(row: &Row) -> Spec {
    let path = || row.path.clone().unwrap_or_else(|| "/".to_owned());
    match row.service {
        Service::Http | Service::Https => {
            let tls = row.service == Service::Https;
            Spec::Http(HttpSpec { tls, either: row.either.unwrap_or(false), path: path(), expect: row.expect })
        }
        Service::HttpRedirect => Spec::Redirect(RedirectSpec { path: path() }),
        Service::Ws | Service::Wss => Spec::Ws(WsSpec {
            tls: row.service == Service::Wss,
            path: path(),
            subprotocol: row.subprotocol.clone(),
            refused: row.refused.unwrap_or_default(),
        }),
        Service::Stun => Spec::Stun,
        Service::Rtp => Spec::Range,
        Service::Ssh => Spec::Ssh,
        Service::Dns => Spec::Dns,
        Service::Turn | Service::Turns => {
            let transport = row.transport.unwrap_or_else(|| transport(row.service));
            Spec::Turn(RelayTransport::of(row.service == Service::Turns, transport == Transport::Udp))
        }
        Service::Rtsp => Spec::Rtsp(RtspSpec { path: row.path.clone() }),
        Service::Rtmp | Service::Rtmps => {
            let app = row.path.as_deref().unwrap_or("live").trim_matches('/').to_owned();
            Spec::Rtmp(RtmpSpec { tls: row.service == Service::Rtmps, app })
        }
        Service::Sip => Spec::Sip(match row.transport.unwrap_or_else(|| transport(row.service)) {
            Transport::Tcp if row.tls == Some(true) => SipCarrier::Tls,
            Transport::Tcp => SipCarrier::Tcp,
            _ => SipCarrier::Udp,
        }),
        Service::Ike => Spec::Ike(IkeSpec { marker: row.ports.is_some_and(|p| p.first() == NAT_TRAVERSAL) }),
        Service::Gre => Spec::Gre,
        Service::Ftp => Spec::Ftp,
    }
}
