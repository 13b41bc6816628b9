//! What a responder's key gives over TLS, the bearer token of its well-known page, and in SIP, a token for each request.
//! Knows neither HTTP nor SIP; the key in STUN is MESSAGE-INTEGRITY-SHA256 in [`wire::stun`](crate::wire::stun).

use ring::hmac;

/// What is signed to make the token, so that it is of no use in any other place where the key is.
const LABEL: &[u8] = b"rtc-check well-known";
const WEB: &[u8] = b"rtc-check web";

/// The token for `Authorization: Bearer TOKEN`: HMAC-SHA256 over `rtc-check well-known` under the key, in lower case
/// hexadecimal.
pub fn bearer_token(key: &[u8]) -> String {
    token(key, LABEL)
}

/// The token in the link of the page for browsers, likewise over `rtc-check web`: it opens that page and nothing else.
pub fn web_token(key: &[u8]) -> String {
    token(key, WEB)
}

/// Whether `token` is the key's for the page for browsers.
pub fn web_token_ok(key: &[u8], token: &str) -> bool {
    token_ok(key, WEB, token)
}

fn token(key: &[u8], what: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), what);
    tag.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// The token of a SIP request: HMAC-SHA256 over `rtc-check sip ` and its Call-ID, which nothing on the way may change,
/// unlike the rest of it.
pub fn sip_token(key: &[u8], call_id: &str) -> String {
    token(key, &of_call(call_id))
}

/// Whether `token` is the key's for a request with this Call-ID.
pub fn sip_token_ok(key: &[u8], call_id: &str, token: &str) -> bool {
    token_ok(key, &of_call(call_id), token)
}

fn of_call(call_id: &str) -> Vec<u8> {
    [b"rtc-check sip ", call_id.as_bytes()].concat()
}

/// Whether `token` is the key's, compared in a time that does not depend on where it differs.
pub fn bearer_token_ok(key: &[u8], token: &str) -> bool {
    token_ok(key, LABEL, token)
}

fn token_ok(key: &[u8], what: &[u8], token: &str) -> bool {
    let digits: Option<Vec<u8>> = token.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let Some(digits) = digits.filter(|d| d.len() == 64) else { return false };
    let tag: Vec<u8> = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, d| byte << 4 | d)).collect();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key), what, &tag).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_keys_own_token_opens() {
        let token = bearer_token(b"key");
        // printf 'rtc-check well-known' | openssl dgst -sha256 -hmac key
        assert_eq!(token, "2e921bf228196eceae3a3336d1d16a0f02c683eb607bf545abc601baed284154");
        assert!(bearer_token_ok(b"key", &token));
        assert!(web_token_ok(b"key", &web_token(b"key")));
        assert!(!bearer_token_ok(b"key", &web_token(b"key")) && !web_token_ok(b"key", &token));
        assert!(!bearer_token_ok(b"other", &token));
        for wrong in ["", "0", &token[1..], &format!("{token}00"), &"é".repeat(32), &"0".repeat(64)] {
            assert!(!bearer_token_ok(b"key", wrong), "{wrong}");
        }
    }
}
