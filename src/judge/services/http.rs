//! HTTP, HTTPS, and HTTP that is forwarded.

use crate::model::{Facts, Status, metric};
use crate::profile::HttpSpec;

/// 401, 403 and 404 are a living server's; 5xx says itself that it is not well.
pub fn status(_spec: &HttpSpec, facts: &Facts) -> Status {
    if code(facts).is_some_and(|c| c >= 500) { Status::Warn } else { Status::Pass }
}

pub fn words(_spec: &HttpSpec, facts: &Facts) -> String {
    match code(facts) {
        Some(c) if c >= 500 => format!("answered {c}: the server itself is in trouble, look at its log"),
        Some(c) => format!("answered {c}"),
        None => "answered".to_owned(),
    }
}

/// The document says "Forwarded".
pub fn status_of_redirect(facts: &Facts) -> Status {
    if facts.has(&metric::REDIRECT) { Status::Pass } else { Status::Warn }
}

pub fn words_of_redirect(facts: &Facts) -> String {
    match facts.get::<String>(&metric::REDIRECT) {
        Some(to) => format!("redirects to {to}"),
        None => format!(
            "answered {} and does not forward to HTTPS: configure the redirect",
            code(facts).map_or_else(String::new, |c| c.to_string())
        ),
    }
}

fn code(facts: &Facts) -> Option<u16> {
    facts.get(&metric::HTTP_STATUS)
}
