//! A STUN Binding.

use crate::model::{Facts, Status, metric};

pub fn status(facts: &Facts) -> Status {
    if facts.has(&metric::MAPPED) { Status::Pass } else { Status::Unknown }
}

pub fn words(facts: &Facts) -> String {
    let Some(mapped) = facts.get::<String>(&metric::MAPPED) else {
        return "gave no answer that could be read, so nothing is known of what listens there".to_owned();
    };
    let rtt = facts.get::<f64>(&metric::STUN_RTT_MS).map_or_else(String::new, |ms| format!(" in {ms:.1} ms"));
    format!("answered{rtt} and sees this machine as {mapped}")
}
