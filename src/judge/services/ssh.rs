//! SSH's identification.

use crate::model::{Facts, Status, metric};

pub fn status(facts: &Facts) -> Status {
    if banner(facts).is_some_and(|b| is_old(&b)) { Status::Warn } else { Status::Pass }
}

pub fn words(facts: &Facts) -> String {
    match banner(facts) {
        Some(b) if is_old(&b) => format!("answered {b}, a version that current clients refuse: update the server"),
        Some(b) => format!("answered {b}"),
        None => "answered".to_owned(),
    }
}

fn banner(facts: &Facts) -> Option<String> {
    facts.get(&metric::BANNER)
}

/// Only 2.0 and 1.99, which speaks 2.0 too, are current (RFC 4253 section 5.1).
fn is_old(banner: &str) -> bool {
    !banner.starts_with("SSH-2.0-") && !banner.starts_with("SSH-1.99-")
}
