//! Services and roles in the words of whoever runs the firewall.

use crate::model::{ProbeKind, RoleName, Service};
use crate::profile::Profile;

/// A service as a firewall's administrator calls it.
pub fn service(service: Service) -> &'static str {
    match service {
        Service::Http => "HTTP",
        Service::Https => "HTTPS",
        Service::HttpRedirect => "HTTP redirect to HTTPS",
        Service::Ws => "WebSocket",
        Service::Wss => "secure WebSocket",
        Service::Rtmp => "RTMP",
        Service::Rtmps => "RTMP over TLS",
        Service::Rtsp => "RTSP",
        Service::Ssh => "SSH",
        Service::Sip => "SIP",
        Service::Stun => "STUN",
        Service::Turn => "TURN relay",
        Service::Turns => "TURN relay over TLS",
        Service::Rtp => "RTP media",
        Service::Ike => "IKE (IPsec)",
        Service::Gre => "GRE tunnel",
        Service::Dns => DNS,
        Service::Ftp => "FTP",
    }
}

/// What names are looked up by.
pub const DNS: &str = "DNS";

/// The same where only the probe is known: a report of a profile that is not at hand.
pub fn probe(probe: ProbeKind) -> &'static str {
    match probe {
        ProbeKind::Http => "HTTP or HTTPS",
        ProbeKind::Ws => "WebSocket",
        ProbeKind::Stun => service(Service::Stun),
        ProbeKind::UdpRange => service(Service::Rtp),
        ProbeKind::Ssh => service(Service::Ssh),
        ProbeKind::Sip => service(Service::Sip),
        ProbeKind::Rtsp => service(Service::Rtsp),
        ProbeKind::Rtmp => service(Service::Rtmp),
        ProbeKind::Ike => service(Service::Ike),
        ProbeKind::Gre => service(Service::Gre),
        ProbeKind::Turn => service(Service::Turn),
        ProbeKind::Dns => DNS,
        _ => "the service",
    }
}

/// `HTTPS to rtc (RTC server: web pages, video gateway and its media)`.
pub fn why(service: &str, role: &RoleName, profile: Option<&Profile>) -> String {
    let description = profile.and_then(|p| p.roles.get(role)).map(|r| r.description.as_str());
    match description.filter(|d| !d.is_empty()) {
        Some(description) => format!("{service} to {role} ({description})"),
        None => format!("{service} to {role}"),
    }
}
