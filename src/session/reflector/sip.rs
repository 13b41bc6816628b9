//! SIP's OPTIONS over UDP on the ports of SIP rules: `200 OK` to the address that asked, whatever its Via says, with
//! `received` and `rport`, and never longer than the request. Nothing else of SIP is answered, least of all an answer.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::{Answer, Incoming, Reflector, Refusal};
use crate::session::access;
use crate::wire::sip::{self, Message, Start};

/// What the answer says of itself, where there is room for it.
const SERVER: &str = concat!("rtc-check/", env!("CARGO_PKG_VERSION"));
/// How every request begins that is answered; no STAMP packet and no STUN message does.
const BEGINNING: &[u8] = b"OPTIONS sip:";

/// Whether the datagram may be such a request.
pub(super) fn is_options(datagram: &[u8]) -> bool {
    datagram.starts_with(BEGINNING)
}

impl Reflector {
    /// With ports on which SIP's OPTIONS is answered.
    pub fn with_sip(self, ports: impl IntoIterator<Item = u16>) -> Self {
        Self { sip_ports: ports.into_iter().collect(), ..self }
    }

    pub(super) fn sip(&mut self, incoming: &Incoming<'_>, answer: &mut [u8]) -> Result<Answer, Refusal> {
        let request = sip::decode(incoming.bytes).map_err(|_| Refusal::Malformed)?;
        if !matches!(&request.start, Start::Request { method, .. } if method == "OPTIONS") {
            return Err(Refusal::NotRequest);
        }
        if let Some(restricted) = &self.restricted {
            let (call, token) = (request.header("call-id"), request.header(sip::KEY_HEADER));
            let (call, token) = call.zip(token).ok_or(Refusal::Unsigned)?;
            if !access::sip_token_ok(&restricted.key, call, token) {
                return Err(Refusal::WrongKey);
            }
        }
        self.take(incoming.from.ip(), false, incoming.now)?;
        let tag = tag(&request);
        let written = |server| sip::reply(&request, incoming.from, &tag, server).ok_or(Refusal::Malformed);
        let fits = |text: &String| text.len() <= incoming.bytes.len();
        let text = match written(Some(SERVER))? {
            text if fits(&text) => text,
            _ => written(None)?,
        };
        let room = answer.get_mut(..text.len()).filter(|_| fits(&text)).ok_or(Refusal::TooShort)?;
        room.copy_from_slice(text.as_bytes());
        Ok(Answer { len: text.len(), tos: None, ends: None })
    }
}

/// The same for the same request, as one that keeps no state has it (RFC 3261 section 8.2.7).
fn tag(request: &Message) -> String {
    let mut hasher = DefaultHasher::new();
    for name in ["via", "call-id", "from"] {
        request.header(name).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}
