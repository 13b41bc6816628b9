//! The head of an answer, as facts and as text fit to print.

use std::time::Duration;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::dated;
use crate::model::{Facts, metric};
use crate::net::classify::clean;

/// The head of an answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// From the request's last byte handed over to the answer's first.
    pub first_byte: Duration,
    /// This machine's wall-clock time when the head was read, since 1970.
    pub wall: Duration,
}

impl Answer {
    /// A header's value, fit to print; `None` where it is absent.
    pub fn text(&self, name: &HeaderName, max: usize) -> Option<String> {
        self.headers.get(name).map(|v| clean(&String::from_utf8_lossy(v.as_bytes()), max))
    }

    /// Every header, its name in lower case.
    pub fn lines(&self) -> Vec<(String, String)> {
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        self.headers.iter().map(line).collect()
    }

    /// Records status, `Server` and the time of the first byte.
    pub fn record(&self, facts: &mut Facts) {
        facts.set(&metric::HTTP_STATUS, self.status);
        facts.set(&metric::FIRST_BYTE_MS, crate::model::millis(self.first_byte));
        if let Some(server) = self.text(&hyper::header::SERVER, 100) {
            facts.set(&metric::HTTP_SERVER, server);
        }
        if let Some(error) = dated::clock_error(self) {
            facts.set(&metric::CLOCK_ERROR, error);
        }
    }
}
