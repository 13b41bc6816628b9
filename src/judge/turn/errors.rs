//! A relay's error responses (RFC 8656 section 18, RFC 8489 section 14.8): what each means here, and who changes what.

use serde::Deserialize;

use super::Relay;
use crate::model::{Facts, metric};

/// An error response, as a probe records it.
#[derive(Deserialize)]
pub struct TurnError {
    code: u16,
    /// The relay's own words, which may be none.
    #[serde(default)]
    reason: String,
    /// The request: `allocate`, `permission`, `channel`, `refresh` or `send`.
    #[serde(default)]
    at: String,
}

impl TurnError {
    /// Reads a probe's facts.
    pub fn read(facts: &Facts) -> Option<Self> {
        facts.get(&metric::TURN_ERROR)
    }

    /// The relay allocates, and does not want to send to this peer.
    pub fn forbids_peer(&self) -> bool {
        self.code == 403 && self.at != "allocate"
    }

    /// What it answered to what, and what to change.
    pub fn words(&self, relay: &Relay) -> String {
        let reason = if self.reason.trim().is_empty() { self.standard() } else { self.reason.trim() };
        let request = match self.at.as_str() {
            "permission" => "the permission for the peer",
            "channel" => "the channel to the peer",
            "refresh" => "the allocation's renewal",
            "send" => "the data",
            _ => "the allocation",
        };
        let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        format!("the relay answered {}{reason} to {request}: {}", self.code, self.change(relay))
    }

    /// The words of the standards.
    fn standard(&self) -> &'static str {
        match self.code {
            300 => "Try Alternate",
            400 => "Bad Request",
            401 => "Unauthenticated",
            403 => "Forbidden",
            420 => "Unknown Attribute",
            437 => "Allocation Mismatch",
            438 => "Stale Nonce",
            440 => "Address Family not Supported",
            441 => "Wrong Credentials",
            442 => "Unsupported Transport Protocol",
            443 => "Peer Address Family Mismatch",
            486 => "Allocation Quota Reached",
            500 => "Server Error",
            508 => "Insufficient Capacity",
            _ => "",
        }
    }

    /// What it means, and who changes what.
    fn change(&self, relay: &Relay) -> String {
        let text = match self.code {
            300 => {
                "it sends its clients to another server: name that one with --turn, or ask the relay's operator which"
            }
            400 => "it does not understand the request: check that a current TURN server listens there",
            401 => return wrong_credentials(relay),
            403 if self.forbids_peer() && relay.to_itself() => {
                "it allocates, and forbids its own address as a peer, so that nothing could be sent through it to ourselves and whether it carries media was not shown; have its operator allow it (coturn: allowed-peer-ip=ITS-OWN-ADDRESS), or try a call"
            }
            403 if self.forbids_peer() => {
                "its policy forbids this peer: have the relay's operator allow the media servers' addresses as peers"
            }
            403 => {
                "its policy forbids this client: have the relay's operator allow this user and this machine's address"
            }
            420 => {
                "it does not know an attribute that every TURN server must: it is a STUN server without TURN, or too old; have TURN enabled there"
            }
            437 => {
                "it holds an older allocation from the same port, or has lost ours: run it again in ten minutes, and look at the relay's log where it stays so"
            }
            438 => {
                "it calls nonces stale that it has just given, over and over: its operator should look at its clock, and at a load balancer that spreads one client over several relays"
            }
            440 => "it has no relay address in this family: have its operator give it one, or use the other family",
            441 => {
                "the allocation was made with other credentials: run it again, and look for two clients behind one port"
            }
            442 => "it does not relay UDP: have its operator enable UDP relaying, which media need",
            443 => {
                "the peer is of another family than the relayed address: have its operator give the relay addresses of both families"
            }
            486 => {
                "this user holds as many allocations as are allowed: wait until older ones end (ten minutes at most by default), or have the relay's operator raise the quota (coturn: user-quota, total-quota)"
            }
            500 => "the relay itself is in trouble: its operator should look at its log; try again later",
            508 => "it has no port or bandwidth left: have its operator widen its relay range or add a relay",
            _ => "the relay's operator should look at its log",
        };
        text.to_owned()
    }
}

/// 401 to a request that bore credentials.
fn wrong_credentials(relay: &Relay) -> String {
    let realm = relay.realm.as_ref().map(|r| format!(" in the realm {r}")).unwrap_or_default();
    if let Some(seconds) = relay.expired_s.filter(|s| *s > 0.0) {
        return format!(
            "the time in the user name ended {} ago: get fresh credentials from the service that gives them out",
            ago(seconds)
        );
    }
    match relay.login.as_deref() {
        Some("rest") => format!(
            "the time-limited user name or its password are not accepted{realm}: get fresh ones if their time is up, check that RTC_CHECK_TURN_SECRET is the relay's own shared secret, and both clocks"
        ),
        Some("none") => {
            "it asks for credentials and none were given: set RTC_CHECK_TURN_USERNAME and RTC_CHECK_TURN_PASSWORD"
                .to_owned()
        }
        _ => format!(
            "the user name or the password is wrong{realm}: check RTC_CHECK_TURN_USERNAME and RTC_CHECK_TURN_PASSWORD against the relay's users"
        ),
    }
}

/// `90 s`, `12 min`, `30 h`, `12 days`.
fn ago(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}
