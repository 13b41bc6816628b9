//! A word that must not be shown: passwords, tokens, shared secrets.

/// Text that cannot be printed: neither `Debug` nor `Display` has it, and it is no JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the wire alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What is shorter is no secret, and leaving it out of a text would tell it.
const SHORTEST: usize = 4;

/// `text`, which somebody sent who may know secrets of ours, without them: each is shown as `…`.
pub fn hidden<'a>(text: &str, secrets: impl IntoIterator<Item = &'a Secret>) -> String {
    let mut known: Vec<&str> = secrets.into_iter().map(Secret::expose).filter(|s| s.len() >= SHORTEST).collect();
    // One may be a part of another.
    known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    known.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shown_without_the_secrets_in_it() {
        let all = ["hush", "hush-hush", "", "a"].map(Secret::new);
        assert_eq!(hidden("bad token hush-hush, hush!", &all), "bad token …, …!");
        assert_eq!(hidden("Janus", &all), "Janus");
    }
}
