//! What a server's error means for the call. Knows no time.

use super::{Credentials, Signalling};
use crate::model::FailureKind;
use crate::wire::janus::ServerError;

impl Signalling {
    pub(super) fn refused(&mut self, error: &ServerError) {
        let ask = self.pending.take().map_or("the offer", |p| p.ask);
        // https://janus.conf.meetecho.com/docs/apierror_8h.html
        let Credentials { token, api_secret } = &self.credentials;
        let (kind, more) = match (error.code, token.is_some(), api_secret.is_some()) {
            (403 | 405, false, false) if self.withheld => (
                FailureKind::NoCredentials,
                ": what was given in RTC_CHECK_JANUS_TOKEN or RTC_CHECK_JANUS_APISECRET is not sent without TLS (wss:// or https://)",
            ),
            (403 | 405, false, false) => (
                FailureKind::NoCredentials,
                ": it wants a token or an API secret, and none was given: set RTC_CHECK_JANUS_TOKEN or RTC_CHECK_JANUS_APISECRET",
            ),
            (403, true, true) => (FailureKind::ServerError, ": it does not take the token and API secret given"),
            (403, true, false) => (FailureKind::ServerError, ": it does not take the token given"),
            (403, false, true) => (FailureKind::ServerError, ": it does not take the API secret given"),
            (405, ..) => (FailureKind::ServerError, ": the token that was given may not use the plugin"),
            (460, ..) => (FailureKind::NoPlugin, ""),
            _ => (FailureKind::ServerError, ""),
        };
        let reason = if error.reason.is_empty() { String::new() } else { format!(" ({})", error.reason) };
        self.fail(kind, format!("Janus answers error {}{reason} to {ask}{more}", error.code));
    }
}
