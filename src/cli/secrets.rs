//! Secrets come from the environment or a file, never from a flag, and are never printed.

use std::sync::Arc;

use crate::net::ResponderKey;

use super::Unusable;

/// The shortest key that a responder takes, in bytes: a guess must not be worth a try.
const SHORTEST_KEY: usize = 16;

/// `RTC_CHECK_RESPONDER_KEY`, or the file that `RTC_CHECK_RESPONDER_KEY_FILE` names.
pub fn responder_key() -> Result<Option<Arc<ResponderKey>>, Unusable> {
    let Some(text) = read("RTC_CHECK_RESPONDER_KEY")? else { return Ok(None) };
    if text.len() < SHORTEST_KEY {
        return Err(Unusable(format!(
            "RTC_CHECK_RESPONDER_KEY is shorter than {SHORTEST_KEY} bytes; make a longer one"
        )));
    }
    Ok(Some(Arc::new(ResponderKey::new(text.into_bytes()))))
}

#[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
fn read(name: &str) -> Result<Option<String>, Unusable> {
    if let Ok(value) = std::env::var(name) {
        return Ok(Some(value).filter(|v| !v.is_empty()));
    }
    let Ok(path) = std::env::var(format!("{name}_FILE")) else { return Ok(None) };
    let text = super::files::read_text(path.as_ref(), 4096).map_err(|e| Unusable(format!("{name}_FILE: {e}")))?;
    Ok(Some(text.trim_end().to_owned()).filter(|v| !v.is_empty()))
}
