//! IKE_SA_INIT: any well-formed answer is a gateway's that lives, a refusal of what was offered included.

use crate::model::{Facts, IkeAnswer, IkeKind, IkeNat, Status, metric};

pub fn status(facts: &Facts) -> Status {
    match facts.get::<IkeAnswer>(&metric::IKE).map(|answer| answer.kind) {
        Some(IkeKind::Empty) => Status::Warn,
        Some(IkeKind::Sa | IkeKind::Cookie | IkeKind::InvalidKe | IkeKind::Notify | IkeKind::Version1) => Status::Pass,
        None => Status::Unknown,
    }
}

pub fn words(facts: &Facts) -> String {
    let time = facts.get::<f64>(&metric::IKE_RTT_MS).map(|ms| format!(" in {ms:.1} ms")).unwrap_or_default();
    let Some(answer) = facts.get::<IkeAnswer>(&metric::IKE) else {
        return format!("answered{time}, and how was not told");
    };
    let by = match &answer.vendor_ids[..] {
        [] => String::new(),
        ids => format!(" (it names {})", ids.join(", ")),
    };
    let nat = facts.get(&metric::IKE_NAT).map(|nat| behind(&nat)).unwrap_or_default();
    format!("answered{time}{}{by}{nat}", meaning(&answer))
}

/// What the answer means, as a clause.
fn meaning(answer: &IkeAnswer) -> String {
    let notify = answer.notify.join(", ");
    match answer.kind {
        IkeKind::Sa => " and takes a proposal".to_owned(),
        IkeKind::Cookie => " with a cookie, as a gateway under load does".to_owned(),
        IkeKind::InvalidKe => match answer.wants_group {
            Some(group) => format!(" with INVALID_KE_PAYLOAD: it lives and wants key exchange group {group}"),
            None => " with INVALID_KE_PAYLOAD: it lives and wants another key exchange group".to_owned(),
        },
        IkeKind::Version1 if notify.is_empty() => " in version 1: it lives and does not speak IKEv2".to_owned(),
        IkeKind::Version1 => format!(" in version 1 with {notify}: it lives and does not speak IKEv2"),
        IkeKind::Empty => {
            " with neither a choice nor a notification: something there speaks IKE and does not answer as a gateway does, look at it".to_owned()
        }
        IkeKind::Notify if answer.notify.iter().any(|n| n == "NO_PROPOSAL_CHOSEN") => {
            " with NO_PROPOSAL_CHOSEN: it lives and has no connection for this machine or for what was offered".to_owned()
        }
        IkeKind::Notify => format!(" with {notify}: it lives"),
    }
}

/// Who is behind an address translator, as a clause; empty where the answer does not tell.
fn behind(nat: &IkeNat) -> String {
    match (nat.here, nat.there) {
        (Some(true), Some(true)) => ", and sees a NAT before this machine and one before itself".to_owned(),
        (Some(true), _) => ", and sees a NAT before this machine".to_owned(),
        (_, Some(true)) => ", and is itself behind a NAT".to_owned(),
        (Some(false), Some(false)) => ", and sees no NAT between".to_owned(),
        (Some(false), None) => ", and sees no NAT before this machine".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn facts(ike: Value, nat: Value) -> Facts {
        let mut facts = Facts::new();
        facts.set(&metric::IKE, ike);
        facts.set(&metric::IKE_NAT, nat);
        facts.set(&metric::IKE_RTT_MS, 3.21);
        facts
    }

    #[test]
    fn every_kind_of_answer_has_its_words_and_lives() {
        let none = json!({ "here": null, "there": null });
        for (kind, notify, words) in [
            ("sa", vec!["NAT_DETECTION_SOURCE_IP"], "answered in 3.2 ms and takes a proposal"),
            ("cookie", vec!["COOKIE"], "with a cookie"),
            ("invalid-ke", vec!["INVALID_KE_PAYLOAD"], "wants key exchange group 19"),
            ("notify", vec!["NO_PROPOSAL_CHOSEN"], "has no connection for this machine"),
            ("notify", vec!["4711"], "with 4711: it lives"),
            ("version-1", vec!["INVALID_MAJOR_VERSION"], "in version 1 with INVALID_MAJOR_VERSION"),
        ] {
            let facts =
                facts(json!({ "kind": kind, "notify": notify, "vendor_ids": [], "wants_group": 19 }), none.clone());
            assert_eq!(status(&facts), Status::Pass, "{kind}");
            assert!(super::words(&facts).contains(words), "{}", super::words(&facts));
        }
    }

    #[test]
    fn an_answer_that_says_nothing_is_a_warning() {
        let facts = facts(json!({ "kind": "empty", "notify": [], "vendor_ids": [] }), Value::Null);
        assert_eq!(status(&facts), Status::Warn);
    }

    #[test]
    fn what_is_not_told_is_unknown() {
        let unheard_of = facts(json!({ "kind": "better", "notify": [], "vendor_ids": [] }), Value::Null);
        for facts in [unheard_of, Facts::new()] {
            assert_eq!(status(&facts), Status::Unknown);
            assert!(words(&facts).ends_with("how was not told"), "{}", words(&facts));
        }
    }

    #[test]
    fn the_nat_is_told_with_the_side_it_is_on() {
        let told = |here: Value, there: Value| {
            words(&facts(
                json!({ "kind": "sa", "notify": [], "vendor_ids": ["strongSwan"] }),
                json!({ "here": here, "there": there }),
            ))
        };
        assert!(told(true.into(), false.into()).ends_with("(it names strongSwan), and sees a NAT before this machine"));
        assert!(told(false.into(), true.into()).ends_with("and is itself behind a NAT"));
        assert!(told(false.into(), false.into()).ends_with("sees no NAT between"));
        assert!(told(Value::Null, Value::Null).ends_with("(it names strongSwan)"));
    }
}
