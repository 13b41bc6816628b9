//! GRE (IP protocol 47): its own probe needs a raw socket and is not built yet.

use crate::model::{Observation, ProbeKind, metric};

/// Sends nothing and says so; the judge makes `unknown` of it.
pub fn probe() -> Observation {
    let mut observation = Observation::new(ProbeKind::Gre);
    let what = "nothing was sent: no plain probe can stand in for IP protocol 47, so ask the firewall's log for it";
    observation.facts.set(&metric::FALLBACK, what);
    observation
}
