//! How the two ways of a rule fared where a proxy leads there, as a clause at the end of a check's sentence.

use crate::model::{Observation, Outcome, WayTaken, metric};

/// The sentence, with the clause where both ways were tried.
pub fn told(reason: String, seen: &Observation) -> String {
    let ways = (seen.facts.get::<WayTaken>(&metric::DIRECT), seen.facts.get::<WayTaken>(&metric::PROXY));
    let (Some(direct), Some(proxy)) = ways else { return reason };
    let via = proxy.via.as_deref().unwrap_or("it");
    let passed = matches!(seen.outcome, Outcome::Measured);
    let direct = match (&direct.failure, passed) {
        (None, true) => ", and directly too".to_owned(),
        (None, false) => ", and directly it works".to_owned(),
        (Some(failure), true) => format!(", while the direct way fails ({})", failure.detail),
        (Some(failure), false) => format!(", and the direct way fails too ({})", failure.detail),
    };
    let sentence = reason.strip_suffix('.').unwrap_or(&reason);
    format!("{sentence}; through the proxy {via}{direct}.")
}
