//! One resolver by itself: whether it answers, tells the truth about names that cannot exist, and in good time.

use std::net::SocketAddr;

use crate::model::resolver::{Over, ResolverSeen};
use crate::model::{Outcome, Seen, Status, metric};

use super::check::Judgement;
use super::reason;

/// A resolver whose usual answer takes longer is slow, in milliseconds; rtc-check's own limit. A call begins with two to four
/// look-ups, one after the other (gateway, STUN, TURN): at half a second each it starts one to two seconds late, where
/// ITU-T E.721 allows three for everything together.
pub const SLOW_MS: f64 = 500.0;

/// Judges what was seen of it; it only informs.
pub fn judge(server: SocketAddr, seen: &Seen) -> Judgement {
    let facts: Option<ResolverSeen> = seen.observation.facts.get(&metric::RESOLVER);
    let (status, reason) = match (&seen.observation.outcome, facts) {
        (Outcome::Skipped(because), _) => (Status::Skip, reason::skipped(because)),
        (Outcome::Failed(failure), _) => (Status::Unknown, format!("The resolver {server}: {}.", failure.detail)),
        (Outcome::Measured, Some(facts)) => answered(&facts),
        (Outcome::Measured, None) => (Status::Unknown, format!("What the resolver {server} said was not recorded.")),
    };
    Judgement { status, reason }
}

fn answered(seen: &ResolverSeen) -> (Status, String) {
    let server = seen.server;
    if let Some(lie) = seen.lies().first() {
        let address = lie.answer.addresses.first().map(ToString::to_string).unwrap_or_default();
        let words = format!("The resolver {server} gives {address} for {}, a name that cannot exist.", lie.name);
        return (Status::Warn, words);
    }
    if seen.is_blocked_over_udp() {
        return (Status::Warn, format!("The resolver {server} answers over TCP 53 and not over UDP 53."));
    }
    if seen.refuses() {
        return (Status::Warn, format!("The resolver {server} refuses every question (REFUSED)."));
    }
    match seen.median_ms() {
        Some((ms, n)) if ms > SLOW_MS => {
            let words = format!(
                "The resolver {server} takes {ms:.0} ms for an answer (median of {n}); more than {SLOW_MS:.0} ms is slow."
            );
            (Status::Warn, words)
        }
        Some((ms, n)) => {
            let also = if seen.answers_over(Over::Tcp) { " and over TCP" } else { "" };
            (Status::Pass, format!("The resolver {server} answers over UDP in {ms:.0} ms (median of {n}){also}."))
        }
        None => (Status::Pass, format!("The resolver {server} answers.")),
    }
}
