//! What NATs between here and the servers mean for a call. It informs: no NAT or endpoint-independent mapping passes,
//! dependent mapping warns, and what the servers cannot tell is unknown.

use serde::Deserialize;
use serde_json::Value;

use crate::model::{Facts, FailureKind, Outcome, Seen, Status, Step, metric};

use super::aim::Aim;
use super::check::Judgement;
use super::{figures, reason, remedy};

/// Media and ICE are kept alive this often at the latest (RFC 8445 section 11), in seconds.
pub const KEEPALIVE_S: f64 = 15.0;

/// Consent to send ends after so long without an answer (RFC 7675 section 5.1), in seconds.
const CONSENT_S: f64 = 30.0;

/// What is known of a NAT's memory of an idle mapping.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub struct Lifetime {
    /// The longest silence that it outlived, in seconds.
    pub alive_s: Option<f64>,
    /// The shortest that it did not.
    pub gone_s: Option<f64>,
}

impl Lifetime {
    /// Reads a probe's facts; `None` where it was not measured.
    pub fn read(facts: &Facts) -> Option<Self> {
        let lifetime: Self = facts.get(&metric::NAT_LIFETIME)?;
        (lifetime.alive_s.is_some() || lifetime.gone_s.is_some()).then_some(lifetime)
    }

    /// It is gone before a keepalive would renew it.
    pub fn is_too_short(&self) -> bool {
        self.gone_s.is_some_and(|s| s <= KEEPALIVE_S)
    }

    fn words(&self) -> String {
        let number = figures::number;
        match (self.alive_s, self.gone_s) {
            (_, Some(gone)) if gone <= KEEPALIVE_S => format!(
                "an idle UDP mapping is gone after {} s, before the {KEEPALIVE_S} s keepalive renews it: media stop in every pause; raise the UDP timeout of the NAT or firewall to {CONSENT_S} s or more",
                number(gone)
            ),
            (Some(alive), Some(gone)) if alive >= KEEPALIVE_S && gone <= CONSENT_S => format!(
                "an idle UDP mapping outlives {} s and is gone after {} s: the {KEEPALIVE_S} s keepalive holds it, though one that is lost may cut the media, before the {CONSENT_S} s for which consent lasts",
                number(alive),
                number(gone)
            ),
            (Some(alive), Some(gone)) if alive >= KEEPALIVE_S => format!(
                "an idle UDP mapping outlives {} s and is gone after {} s, which the {KEEPALIVE_S} s keepalive holds",
                number(alive),
                number(gone)
            ),
            (alive, Some(gone)) => format!(
                "an idle UDP mapping is gone after {} s and known to outlive {} s, which leaves open whether the {KEEPALIVE_S} s keepalive holds it",
                number(gone),
                number(alive.unwrap_or(0.0))
            ),
            (Some(alive), None) => {
                format!("an idle UDP mapping outlived every silence that was tried, up to {} s", number(alive))
            }
            (None, None) => String::new(),
        }
    }
}

/// Mapping depends on the destination: what is called a symmetric NAT.
pub fn is_dependent(mapping: &str) -> bool {
    mapping == "address-dependent" || mapping == "address-and-port-dependent"
}

/// The mapped port differs between servers, although more is not known.
pub fn varies(facts: &Facts) -> bool {
    let via: Value = facts.get(&metric::VIA).unwrap_or_default();
    via.get("varies").and_then(Value::as_bool) == Some(true)
}

/// Judges one family's NAT.
pub fn judge(aim: &Aim<'_>, seen: &Seen) -> Judgement {
    let facts = &seen.observation.facts;
    match &seen.observation.outcome {
        Outcome::Skipped(because) => Judgement { status: Status::Skip, reason: reason::skipped(because) },
        Outcome::Failed(failure) if failure.step == Step::Name => {
            Judgement { status: Status::Unknown, reason: remedy::name(aim, failure) }
        }
        Outcome::Failed(failure) => {
            let change = match failure.kind {
                FailureKind::OutOfTime => "run it again and let it end, with a longer --budget if one was set",
                FailureKind::Internal => "the other checks stand",
                _ => "allow UDP to the STUN servers, or name others with --stun",
            };
            let reason = format!("What NAT there is could not be told: {}; {change}.", failure.detail);
            Judgement { status: Status::Unknown, reason }
        }
        Outcome::Measured => Judgement { status: status(facts), reason: words(facts) },
    }
}

fn status(facts: &Facts) -> Status {
    let mapping: String = facts.get(&metric::MAPPING).unwrap_or_default();
    let by_mapping = match mapping.as_str() {
        "none" | "endpoint-independent" => Status::Pass,
        other if is_dependent(other) => Status::Warn,
        _ if varies(facts) => Status::Warn,
        _ => Status::Unknown,
    };
    // A short memory is known whatever the mapping is.
    let short = Lifetime::read(facts).is_some_and(|l| l.is_too_short());
    match by_mapping {
        Status::Pass | Status::Unknown if short => Status::Warn,
        status => status,
    }
}

fn words(facts: &Facts) -> String {
    let sentences = [Some(mapping(facts)), filtering(facts), hairpin(facts), Lifetime::read(facts).map(|l| l.words())];
    let sentences: Vec<String> = sentences.into_iter().flatten().filter(|s| !s.is_empty()).collect();
    sentences.iter().map(|s| capital(s.trim_end_matches('.')) + ".").collect::<Vec<_>>().join(" ")
}

fn mapping(facts: &Facts) -> String {
    let text = |m| facts.get::<String>(m);
    let seen = text(&metric::MAPPED).map(|a| format!(" (seen as {a})")).unwrap_or_default();
    let mapping = text(&metric::MAPPING).unwrap_or_default();
    let why = text(&metric::NAT_WHY_UNKNOWN);
    match mapping.as_str() {
        "none" => format!("no address translation{seen}: direct media work as far as firewalls let them"),
        "endpoint-independent" => {
            format!("endpoint-independent mapping{seen}: one address for all, so direct media work with most peers")
        }
        "address-dependent" => format!(
            "address-dependent mapping{seen}: each far address sees another port (a symmetric NAT), so direct media work only towards a public far end such as a media server; towards peers behind other NATs only a relay does"
        ),
        "address-and-port-dependent" => format!(
            "address-and-port-dependent mapping{seen}: each far address and port sees another port (a symmetric NAT), so direct media work only towards a public far end such as a media server; towards peers behind other NATs only a relay does"
        ),
        _ if varies(facts) => format!(
            "the mapping depends on the destination{seen}: STUN servers see this machine at different ports (a symmetric NAT), so direct media work only towards a public far end such as a media server; whether by address or by port was not told"
        ),
        _ => {
            let why = why.unwrap_or_else(|| "the server cannot tell".to_owned());
            format!(
                "the mapping{seen} was not told: {}; name a STUN server that supports RFC 5780, or two servers, with --stun",
                why.trim_end_matches('.')
            )
        }
    }
}

/// What the filtering means, where anything may be said of it.
fn filtering(facts: &Facts) -> Option<String> {
    let mapping: String = facts.get(&metric::MAPPING).unwrap_or_default();
    let filtering: String = facts.get(&metric::FILTERING)?;
    Some(match filtering.as_str() {
        "none" => "nothing filters what comes in".to_owned(),
        "endpoint-independent" => {
            "endpoint-independent filtering: once a port is open anyone may send to it".to_owned()
        }
        "address-dependent" => {
            "address-dependent filtering: only addresses that were sent to may answer, from any port, which ICE provides for".to_owned()
        }
        "address-and-port-dependent" => {
            "address-and-port-dependent filtering: only what was sent to may answer, which ICE provides for".to_owned()
        }
        // Said of both in the mapping's sentence.
        _ if mapping == "unknown" || mapping.is_empty() => return None,
        _ => match facts.get::<String>(&metric::NAT_WHY_UNKNOWN) {
            Some(why) => {
                let why = why.strip_prefix("the filtering cannot be told: ").unwrap_or(&why);
                format!("the filtering was not told: {why}")
            },
            None => return None,
        },
    })
}

fn hairpin(facts: &Facts) -> Option<String> {
    Some(match facts.get::<Option<bool>>(&metric::HAIRPIN)?? {
        true => "two clients behind this NAT reach each other by their outer addresses (hairpinning)".to_owned(),
        false => {
            "two clients behind this NAT do not reach each other by their outer addresses (no hairpinning); by their inner ones they do".to_owned()
        }
    })
}

/// Signs of what lies beside or behind the NAT, their names and sentences: findings tell them.
pub fn signs(facts: &Facts) -> Vec<(String, String)> {
    let list: Vec<Value> = facts.get(&metric::NAT_SIGNS).unwrap_or_default();
    let text = |sign: &Value, key: &str| sign.get(key).and_then(Value::as_str).map(str::to_owned);
    list.iter().filter_map(|sign| Some((text(sign, "sign")?, text(sign, "detail")?))).collect()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests;
