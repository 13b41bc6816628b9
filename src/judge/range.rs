//! A media range: which ports were reached, and what silence means there.

use serde::Deserialize;

use crate::model::{Facts, PortSet, Status, metric};

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
    /// The ports were asked within the target's budget of ICMP errors, so that a closed port is not taken for silent.
    pub sampled: bool,
    /// How many open ports the sweep may be expected to call silent by loss alone.
    pub expected_missed: f64,
    /// A router or firewall that answered in the target's place.
    pub icmp_from: Option<String>,
    /// Ports that a relay at the same address gave, which something does listen on.
    pub relayed: Option<Relayed>,
}

/// A sample of the ports that a relay gives, asked over UDP directly.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Relayed {
    pub answered: Vec<u16>,
    pub silent: Vec<u16>,
    /// Share of 49152-65535.
    pub coverage_pct: Option<f64>,
}

impl Relayed {
    /// What they show. Where none answers, a NAT that gives each destination another port looks like a firewall; where
    /// some do, so does loss, or an allocation whose time was up.
    fn status(&self, strict: bool) -> Status {
        match (self.answered.is_empty(), self.silent.is_empty()) {
            (true, _) | (false, false) => Status::Unknown,
            (false, true) if strict => Status::Unknown,
            (false, true) => Status::Pass,
        }
    }
}

impl Swept {
    /// Reads a probe's facts.
    pub fn read(facts: &Facts) -> Self {
        let answered: PortSet = facts.get(&metric::ANSWERED).unwrap_or_default();
        // Where other answers came the page may speak of another machine; where none came it is all there is.
        let by_page = facts.get(&metric::RESPONDER_PAGE) == Some(true) && answered.is_empty();
        Self {
            answered,
            refused: facts.get(&metric::REFUSED).unwrap_or_default(),
            silent: facts.get(&metric::SILENT).unwrap_or_default(),
            prohibited: facts.get(&metric::PROHIBITED).unwrap_or_default(),
            probed: facts.get(&metric::PROBED).unwrap_or_default(),
            total: facts.get(&metric::TOTAL).unwrap_or_default(),
            coverage_pct: facts.get(&metric::COVERAGE_PCT).unwrap_or_default(),
            responder: facts.has(&metric::RESPONDER) || by_page,
            sampled: facts.get(&metric::SAMPLED).unwrap_or_default(),
            expected_missed: facts.get(&metric::EXPECTED_MISSED).unwrap_or_default(),
            icmp_from: facts.get(&metric::ICMP_FROM),
            relayed: facts.get(&metric::RELAYED_PORTS),
        }
    }

    /// Silence alone leaves it undecided, and no responder is there to ask.
    pub fn is_left_open(&self) -> bool {
        !self.responder && self.prohibited.is_empty() && self.refused.is_empty() && !self.silent.is_empty()
    }

    /// The chance that loss alone silences so many ports or more: the upper tail of a Poisson distribution.
    fn by_loss(&self) -> f64 {
        let mean = self.expected_missed;
        let mut term = (-mean).exp();
        let mut fewer = 0.0;
        for n in 0..self.silent.count().min(1000) {
            fewer += term;
            term *= mean / f64::from(n + 1);
        }
        1.0 - fewer
    }
}

/// A silence that loss alone explains with more than this chance is not blamed on a firewall.
const SURE: f64 = 0.01;

/// Judges a range as the contract says: on a responder every port counts, elsewhere a sample, and silence is a failure
/// only where something shows that the far end would have answered.
pub fn status(range: &Swept, strict: bool) -> Status {
    match (of_range(range, strict), &range.relayed) {
        // Nothing listens on most ports of such a range, and what a relay gave is known to be listened on.
        (Status::Unknown, Some(relayed)) if range.is_left_open() => relayed.status(strict),
        (status, _) => status,
    }
}

fn of_range(range: &Swept, strict: bool) -> Status {
    let reached = range.answered.count() + range.refused.count();
    match () {
        () if !range.prohibited.is_empty() => Status::Fail,
        () if range.responder && !range.silent.is_empty() && range.by_loss() > SURE => Status::Unknown,
        () if range.responder && !range.silent.is_empty() => Status::Fail,
        // The responder answers on what it serves; a refusal there is its host's firewall, or a port it could not bind.
        () if range.responder && !range.refused.is_empty() => Status::Unknown,
        () if range.responder && range.answered.count() == range.total => Status::Pass,
        () if range.responder => Status::Unknown,
        () if range.sampled && !range.silent.is_empty() && !range.refused.is_empty() => Status::Fail,
        () if !range.silent.is_empty() || reached == 0 => Status::Unknown,
        () if range.probed < range.total && strict => Status::Unknown,
        () => Status::Pass,
    }
}
