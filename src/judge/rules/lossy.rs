//! `range.lossy`: a range was reached, and only by asking again: the path drops or limits datagrams.

use crate::model::path::{Policed, PolicedVerdict};
use crate::model::{Check, Finding, Status, Who, metric};
use crate::plan::Plan;

/// Loss of the first round that is worth a word, in percent: the documents' own limit on packet loss.
const WORTH_A_WORD_PCT: f64 = 1.5;

/// `4.0 % of the first round were lost, of 1001 ports asked with 1520 datagrams`.
fn evidence(check: &Check, loss: f64) -> String {
    let number = |m| check.observed.get::<u64>(m);
    let asked = match (number(&metric::PROBED), number(&metric::PACKETS_SENT)) {
        (Some(ports), Some(sent)) => format!(": {ports} ports were asked with {sent} datagrams"),
        _ => String::new(),
    };
    format!("{}: {loss:.1} % of the first round were lost{asked}", check.id)
}

/// Whether the loss is that of a limit on the rate, of which `udp.policed` tells.
fn policed(check: &Check) -> bool {
    check.observed.get::<Policed>(&metric::POLICED).is_some_and(|p| p.verdict == PolicedVerdict::Policed)
}

/// One finding a range.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let loss = |c: &Check| {
        c.observed.get::<f64>(&metric::ROUND_TRIP_LOSS_PCT).filter(|p| *p >= WORTH_A_WORD_PCT && !policed(c))
    };
    let finding = |(check, loss): (&Check, f64)| Finding {
        id: "range.lossy".to_owned(),
        status: Status::Warn,
        title: "The path to the media ports loses datagrams".to_owned(),
        detail: format!(
            "{loss:.1} % of the first requests of {}, or of their answers, were lost and answered only when repeated: the path drops datagrams, or limits their rate.",
            check.id
        ),
        remedy: "Look for a rate limit on UDP or an overloaded link; a call would lose as much.".to_owned(),
        who: Some(Who::Firewall),
        ask: vec![format!(
            "no rate limit on UDP {} to {}",
            check.ports.map(|p| p.to_string()).or(check.port.map(|p| p.to_string())).unwrap_or_default(),
            check.address.map_or_else(|| check.target.clone(), |a| a.to_string())
        )],
        evidence: vec![evidence(check, loss)],
        checks: vec![check.id.clone()],
    };
    checks.iter().filter_map(|c| Some((c, loss(c)?))).map(finding).collect()
}
