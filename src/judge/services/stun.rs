//! A STUN Binding.

use crate::model::{Facts, metric};

pub fn words(facts: &Facts) -> String {
    let mapped =
        facts.get::<String>(&metric::MAPPED).map_or_else(String::new, |m| format!(" and sees this machine as {m}"));
    let rtt = facts.get::<f64>(&metric::STUN_RTT_MS).map_or_else(String::new, |ms| format!(" in {ms:.1} ms"));
    format!("answered{rtt}{mapped}")
}
