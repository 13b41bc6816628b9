//! A camera's words without the login that it was given: it may send back what it was sent, whole or cut off where its
//! words are shortened.

use super::RtspLogin;
use crate::model::{Secret, hidden};
use crate::net::classify::clean;
use crate::wire::base64::base64;

/// Shorter beginnings of a secret are anybody's words.
const SHORTEST: usize = 4;

/// Knows what must not be told.
#[derive(Debug, Default)]
pub struct Discreet {
    secrets: Vec<Secret>,
}

impl Discreet {
    /// User name, password, and both as Basic has them; each also in the digits in which bytes are shown.
    pub fn of(login: Option<&RtspLogin>) -> Self {
        let Some(RtspLogin { username, password }) = login else { return Self::default() };
        let password = password.expose();
        let basic = base64(format!("{username}:{password}").as_bytes());
        let words = [username, password, &basic];
        let digits = words.map(|w| w.bytes().map(|b| format!("{b:02x}")).collect::<String>());
        let all = words.into_iter().map(Secret::new).chain(digits.into_iter().map(Secret::new));
        Self { secrets: all.collect() }
    }

    /// Words of the camera, fit to be shown, at most `max` characters.
    pub fn text(&self, text: &str, max: usize) -> String {
        clean(&hidden(text, &self.secrets), max)
    }

    /// A sentence of ours with words of the camera in it, shortened already.
    pub fn sentence(&self, text: &str) -> String {
        let whole = hidden(text, &self.secrets);
        let parts: Vec<&str> = whole.split('"').map(|part| self.without_cut_off(part)).collect();
        parts.join("\"")
    }

    /// Without a secret that ends too early at its end.
    fn without_cut_off<'a>(&self, text: &'a str) -> &'a str {
        let end = text.trim_end_matches('…');
        let begun = |secret: &Secret| {
            let beginnings = secret.expose().char_indices().map(|(at, _)| at).filter(|at| *at >= SHORTEST).rev();
            beginnings.filter_map(|at| end.strip_suffix(secret.expose().get(..at)?)).next()
        };
        // The least that is left is the most that was begun.
        self.secrets.iter().filter_map(begun).min_by_key(|left| left.len()).unwrap_or(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_hidden_whole_cut_off_and_in_digits() {
        let login = RtspLogin { username: "operator".to_owned(), password: Secret::new("hunter2") };
        let discreet = Discreet::of(Some(&login));
        assert_eq!(discreet.text("for operator: hunter2, or b3BlcmF0b3I6aHVudGVyMg==", 99), "for …: …, or …");
        assert_eq!(
            discreet.sentence("it sent \"Authorization: Basic b3BlcmF0b3I6aHVud\", no"),
            "it sent \"Authorization: Basic \", no"
        );
        assert_eq!(discreet.sentence("9 bytes that begin with 0168756e7465"), "9 bytes that begin with 01");
        assert_eq!(discreet.sentence("what listens there"), "what listens there");
        assert_eq!(Discreet::of(None).text("operator", 99), "operator");
    }
}
