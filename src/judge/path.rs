//! The sentence for the way to a target. It informs: what is wrong with it is told by findings.

use crate::model::machine::Link;
use crate::model::path::{Mtu, MtuAnswerer, PathHop, SizeFate};
use crate::model::{Check, Outcome, ProbeKind, Seen, Status, metric};

use super::check::Judgement;
use super::reason;

/// What a call's media need of a datagram (RFC 8899's BASE_PLPMTU).
pub const MEDIA: u16 = 1200;

/// Judges the way to one address.
pub fn judge(seen: &Seen) -> Judgement {
    let facts = &seen.observation.facts;
    let (status, reason) = match &seen.observation.outcome {
        Outcome::Skipped(because) => (Status::Skip, reason::skipped(because)),
        Outcome::Failed(failure) => (Status::Skip, format!("The way was not looked at: {}.", failure.detail)),
        Outcome::Measured => {
            let mtu: Option<Mtu> = facts.get(&metric::MTU);
            let hops: Vec<PathHop> = facts.get(&metric::HOPS).unwrap_or_default();
            let link: Option<Link> = facts.get(&metric::WAY_OUT);
            let (status, sizes) = mtu.as_ref().map_or((Status::Pass, None), |m| {
                let (status, words) = words_of(m);
                (status, Some(words))
            });
            let out = link.map(|l| format!("leaves by {}", l.interface));
            let all: Vec<String> = [out, routers(&hops), sizes].into_iter().flatten().collect();
            match all.is_empty() {
                true => (Status::Unknown, "The way was not seen.".to_owned()),
                false => (status, format!("The way: {}.", all.join("; "))),
            }
        }
    };
    Judgement { status, reason }
}

/// A way of whose target nothing was reached is not known to be good, whatever routers on it answered.
pub fn without_end(checks: &mut [Check]) {
    let reached =
        |c: &Check| c.status.holds() || c.observed.has(&metric::RTT_CONNECT_MS) || c.observed.has(&metric::MTU);
    let tried = |of: &&Check| of.rule.is_some() && of.status != Status::Skip;
    let dead: Vec<bool> = checks
        .iter()
        .map(|path| {
            let mut here = checks.iter().filter(|c| c.address == path.address).filter(tried).peekable();
            here.peek().is_some() && !here.any(reached) && !path.observed.has(&metric::MTU)
        })
        .collect();
    let ways = checks.iter_mut().zip(dead).filter(|(c, dead)| c.probe == ProbeKind::Path && *dead);
    for (way, _) in ways.filter(|(c, _)| c.status == Status::Pass) {
        way.status = Status::Unknown;
        way.reason = format!("{}; nothing of the target itself was reached.", way.reason.trim_end_matches('.'));
    }
}

fn routers(hops: &[PathHop]) -> Option<String> {
    let one = |h: &PathHop| format!("{} {}", h.distance, h.address);
    (!hops.is_empty()).then(|| format!("first routers {}", hops.iter().map(one).collect::<Vec<_>>().join(", ")))
}

fn words_of(mtu: &Mtu) -> (Status, String) {
    let lost = mtu.sizes.iter().find(|s| s.up == SizeFate::Silent || s.down == SizeFate::Silent);
    let passed = mtu.sizes.iter().rfind(|s| s.up == SizeFate::Passed && s.down != SizeFate::Silent);
    match (passed, lost) {
        (_, Some(lost)) if mtu.answerer == MtuAnswerer::Responder => (
            Status::Warn,
            format!("packets of {} bytes are dropped without a word, while small ones pass", lost.packet),
        ),
        (_, Some(lost)) => (
            Status::Unknown,
            format!(
                "packets of {} bytes got no answer, while small ones did: whether the way drops them or the server does not take them is not known",
                lost.packet
            ),
        ),
        (Some(passed), None) => (Status::Pass, format!("packets of up to {} bytes pass unfragmented", passed.packet)),
        (None, None) => (Status::Unknown, "which sizes of datagrams pass was not seen".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::path::MtuSize;
    use crate::model::{Observation, Planned, ProbeKind};

    fn judged(facts: impl FnOnce(&mut Observation)) -> (Status, String) {
        let mut observation = Observation::new(ProbeKind::Path);
        facts(&mut observation);
        let seen = Seen { of: Planned::Trial(0), address: None, observation, started_ms: 0, duration_ms: 0 };
        let Judgement { status, reason } = judge(&seen);
        (status, reason)
    }

    fn mtu(answerer: MtuAnswerer, up: SizeFate) -> Mtu {
        let size = |bytes, up| MtuSize { bytes, packet: bytes + 28, up, down: SizeFate::Untried };
        let sizes = vec![size(1200, SizeFate::Passed), size(1472, up)];
        Mtu { answerer, port: 3478, control: true, sizes, too_big: None }
    }

    #[test]
    fn what_was_seen_is_told_and_silence_is_blamed_on_the_way_only_where_a_responder_would_have_answered() {
        let with = |answerer, up| judged(|o| o.facts.set(&metric::MTU, mtu(answerer, up)));
        let all = with(MtuAnswerer::Stun, SizeFate::Passed);
        assert_eq!(all, (Status::Pass, "The way: packets of up to 1500 bytes pass unfragmented.".to_owned()));
        assert_eq!(with(MtuAnswerer::Responder, SizeFate::Silent).0, Status::Warn);
        let (status, reason) = with(MtuAnswerer::Stun, SizeFate::Silent);
        assert!(status == Status::Unknown && reason.contains("not known"), "{reason}");
        assert_eq!(judged(|_| {}), (Status::Unknown, "The way was not seen.".to_owned()));
        let hops = [PathHop { distance: 1, address: [192, 0, 2, 1].into() }];
        let (status, reason) = judged(|o| o.facts.set(&metric::HOPS, hops));
        assert_eq!((status, reason.as_str()), (Status::Pass, "The way: first routers 1 192.0.2.1."));
    }
}
