//! A media range: which ports were reached, and what silence means there.

use crate::model::{Facts, PortSet, Seen, Status, metric};
use crate::plan::Item;

use super::check::{Context, Judgement};
use super::reason;

/// What a sweep or sample saw of a range.
pub struct Swept {
    pub answered: PortSet,
    pub refused: PortSet,
    pub silent: PortSet,
    pub prohibited: PortSet,
    pub probed: u32,
    pub total: u32,
    pub coverage_pct: f64,
    /// The far end is a responder: it answers on every port that it serves.
    pub responder: bool,
    /// A router or firewall that answered in the target's place.
    pub icmp_from: Option<String>,
}

impl Swept {
    /// Reads a probe's facts.
    pub fn read(facts: &Facts) -> Self {
        Self {
            answered: facts.get(&metric::ANSWERED).unwrap_or_default(),
            refused: facts.get(&metric::REFUSED).unwrap_or_default(),
            silent: facts.get(&metric::SILENT).unwrap_or_default(),
            prohibited: facts.get(&metric::PROHIBITED).unwrap_or_default(),
            probed: facts.get(&metric::PROBED).unwrap_or_default(),
            total: facts.get(&metric::TOTAL).unwrap_or_default(),
            coverage_pct: facts.get(&metric::COVERAGE_PCT).unwrap_or_default(),
            responder: facts.has(&metric::RESPONDER),
            icmp_from: facts.get(&metric::ICMP_FROM),
        }
    }
}

/// Judges a range as the contract says: on a responder every port counts, elsewhere a sample, and silence is a failure
/// only where something shows that the far end would have answered.
pub fn judge(item: &Item, seen: &Seen, context: &Context) -> Judgement {
    let range = Swept::read(&seen.observation.facts);
    let status = status(&range, context.strict);
    Judgement { status, reason: reason::range(item, seen, &range, status) }
}

fn status(range: &Swept, strict: bool) -> Status {
    let reached = range.answered.count() + range.refused.count();
    match () {
        () if !range.prohibited.is_empty() => Status::Fail,
        () if range.responder && !range.silent.is_empty() => Status::Fail,
        // The responder answers on what it serves; a refusal there is its host's firewall, or a port it could not bind.
        () if range.responder && !range.refused.is_empty() => Status::Unknown,
        () if range.responder && range.answered.count() == range.total => Status::Pass,
        () if range.responder => Status::Unknown,
        () if !range.silent.is_empty() && !range.refused.is_empty() => Status::Fail,
        () if !range.silent.is_empty() || reached == 0 => Status::Unknown,
        () if range.probed < range.total && strict => Status::Unknown,
        () => Status::Pass,
    }
}
