//! What a service's answer is worth and how it is told, one kind a file; failures are told in `reason` and `remedy`.

mod ftp;
mod gre;
mod http;
mod ike;
mod names;
mod rtmp;
mod rtsp;
pub mod sip;
mod ssh;
mod stun;
mod ws;

use crate::model::{Seen, Service, Status};
use crate::plan::Item;
use crate::profile::Spec;

/// The status of what went through, its certificate apart. What passes is what was seen: where the fact that shows it is
/// absent, nothing is decided.
pub fn status(item: &Item, seen: &Seen) -> Status {
    let facts = &seen.observation.facts;
    match &item.rule.spec {
        Spec::Http(spec) => http::status(spec, facts),
        Spec::Redirect(_) => http::status_of_redirect(facts),
        Spec::Ws(_) => ws::status(seen),
        Spec::Rtsp(_) => rtsp::status(seen),
        Spec::Ssh => ssh::status(seen),
        Spec::Rtmp(_) => rtmp::status(seen),
        Spec::Sip(_) => sip::status(facts),
        Spec::Ike(_) => ike::status(facts),
        Spec::Gre => gre::status(facts),
        Spec::Ftp => ftp::status(seen),
        Spec::Stun => stun::status(facts),
        Spec::Dns => names::status(facts),
        // Both are judged elsewhere, by what they carry.
        Spec::Range | Spec::Turn(_) => Status::Unknown,
    }
}

/// What went through, as the rest of a sentence that begins with the service and its place.
pub fn words(item: &Item, seen: &Seen) -> String {
    let facts = &seen.observation.facts;
    match &item.rule.spec {
        Spec::Http(spec) => http::words(spec, facts),
        Spec::Redirect(_) => http::words_of_redirect(facts),
        Spec::Ws(_) => ws::words(seen),
        Spec::Ssh => ssh::words(seen),
        Spec::Dns => names::words(facts),
        Spec::Stun => stun::words(facts),
        Spec::Rtsp(_) => rtsp::words(seen),
        Spec::Rtmp(spec) => rtmp::words(spec, seen),
        Spec::Sip(_) => sip::words(facts),
        Spec::Ike(_) => ike::words(facts),
        Spec::Gre => gre::words(facts),
        Spec::Ftp => ftp::words(seen),
        Spec::Range | Spec::Turn(_) => "was not judged here".to_owned(),
    }
}

/// The service as people write it.
pub fn name(service: Service) -> &'static str {
    match service {
        Service::Http => "HTTP",
        Service::Https => "HTTPS",
        Service::HttpRedirect => "HTTP",
        Service::Ws => "WebSocket",
        Service::Wss => "Secure WebSocket",
        Service::Rtmp => "RTMP",
        Service::Rtmps => "RTMP over TLS",
        Service::Rtsp => "RTSP",
        Service::Ssh => "SSH",
        Service::Sip => "SIP",
        Service::Stun => "STUN",
        Service::Turn => "TURN",
        Service::Turns => "TURN over TLS",
        Service::Rtp => "RTP media",
        Service::Ike => "IKE",
        Service::Gre => "GRE",
        Service::Dns => "DNS",
        Service::Ftp => "FTP",
    }
}

#[cfg(test)]
mod tests;
