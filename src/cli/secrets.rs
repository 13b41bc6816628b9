//! Secrets come from the environment or a file, never from a flag, and are never printed; and the files that other
//! variables of the environment name.

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

/// `SSL_CERT_FILE` and `SSL_CERT_DIR`, where they are set, must be readable: without them every certificate would fail.
#[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
pub fn trusted_files() -> Result<(), Unusable> {
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        let Some(path) = std::env::var_os(name).filter(|p| !p.is_empty()) else { continue };
        if let Err(e) = std::fs::metadata(&path) {
            return Err(Unusable(format!("{name}: {}: {e}", std::path::Path::new(&path).display())));
        }
    }
    Ok(())
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
