//! The login that a proxy was told, kept out of everything that the proxy may say again: it is hidden before anything is
//! shortened, and a rest that a cut left of it is hidden as well.

use hyper::header::HeaderValue;

use super::Proxy;
use crate::model::metric::{self, Metric};
use crate::model::{Observation, Outcome, Secret, hidden};
use crate::net::classify::clean;
use crate::net::http::Answer;
use crate::net::talk::shown;
use crate::wire::base64::base64;

/// The fewest characters of a secret's beginning that are taken for it where the text is cut behind them.
const BEGINNING: usize = 6;

/// Facts that are a peer's own words.
const WORDS: &[&Metric] = &[
    &metric::HTTP_SERVER,
    &metric::HTTP_HEADERS,
    &metric::REDIRECT,
    &metric::REDIRECTS,
    &metric::BANNER,
    &metric::FALLBACK,
];

impl Proxy {
    /// What the proxy sent, without the login that it was told and may say again; cleaned and shortened.
    pub(super) fn cleaned(&self, text: &str, max: usize) -> String {
        clean(&self.without_login(text), max)
    }

    /// The beginning of what the proxy sent in place of an answer.
    pub(super) fn quoted(&self, bytes: &[u8]) -> String {
        shown(&self.bytes_without_login(bytes))
    }

    fn without_login(&self, text: &str) -> String {
        let Some((user, password)) = &self.login else { return text.to_owned() };
        let coded = Secret::new(base64(format!("{user}:{}", password.expose()).as_bytes()));
        let whole = hidden(text, [password, &coded]);
        [password, &coded].into_iter().fold(whole, |text, secret| without_rest(text, secret.expose()))
    }

    /// The same of bytes, whatever their encoding; those without the login are left as they are.
    pub fn bytes_without_login(&self, bytes: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(bytes);
        let told = self.without_login(&text);
        if told == text { bytes.to_vec() } else { told.into_bytes() }
    }

    /// The head of an answer to a request that bore the login, without it.
    pub fn answer_without_login(&self, mut answer: Answer) -> Answer {
        for value in answer.headers.values_mut() {
            let told = self.bytes_without_login(value.as_bytes());
            if told != value.as_bytes() {
                *value = HeaderValue::from_bytes(&told).unwrap_or_else(|_| HeaderValue::from_static("hidden"));
            }
        }
        answer
    }

    /// What was seen through the proxy: whatever answered there may have been the proxy.
    pub fn hide_login(&self, seen: &mut Observation) {
        if self.login.is_none() {
            return;
        }
        if let Outcome::Failed(failure) = &mut seen.outcome {
            failure.detail = self.without_login(&failure.detail);
        }
        seen.steps.iter_mut().for_each(|step| step.result = self.without_login(&step.result));
        for metric in WORDS {
            if let Some(mut value) = seen.facts.get(metric) {
                self.hide_in(&mut value);
                seen.facts.set(metric, value);
            }
        }
    }

    fn hide_in(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = self.without_login(text),
            serde_json::Value::Array(all) => all.iter_mut().for_each(|one| self.hide_in(one)),
            serde_json::Value::Object(all) => all.values_mut().for_each(|one| self.hide_in(one)),
            _ => {}
        }
    }
}

/// `text` without the beginnings of `secret` at its end, and before the marks that quoting and shortening leave.
fn without_rest(text: String, secret: &str) -> String {
    let ends = secret.char_indices().map(|(at, _)| at).filter(|at| *at >= BEGINNING).rev();
    ends.filter_map(|end| secret.get(..end)).fold(text, |text, rest| {
        let text = text.replace(&format!("{rest}…"), "…").replace(&format!("{rest}\""), "…\"");
        match text.strip_suffix(rest) {
            Some(before) => format!("{before}…"),
            None => text,
        }
    })
}
