//! IKE_SA_INIT at the ports of `ike` rules: a whole request is refused with NO_PROPOSAL_CHOSEN, which shows the way open and
//! is a tenth of its length. No state is kept, no tunnel is ever begun.

use super::{Answer, Incoming, Reflector, Refusal, Speaks};
use crate::wire::ike::{MARKER, Signed, asked, write_refusal};

impl Reflector {
    /// With ports at which IKE is refused.
    pub fn with_ike(self, ports: impl IntoIterator<Item = u16>) -> Self {
        Self { ike_ports: ports.into_iter().collect(), ..self }
    }

    /// `None`: it is no request of IKE, or did not come to one of its ports.
    pub(super) fn ike(&mut self, incoming: &Incoming<'_>, answer: &mut [u8]) -> Option<Result<Answer, Refusal>> {
        if !self.ike_ports.contains(&incoming.seen.to.port()) {
            return None;
        }
        let (marker, message) = match incoming.bytes.strip_prefix(&MARKER) {
            Some(message) => (&MARKER[..], message),
            None => (&[][..], incoming.bytes),
        };
        let key: &[u8] = self.restricted.as_ref().map_or(&[], |r| &r.key);
        let (spi, signed) = asked(message, key)?;
        let refused = match (&self.restricted, signed) {
            (Some(_), Signed::Not) => Err(Refusal::Unsigned),
            (Some(_), Signed::Wrong) => Err(Refusal::WrongKey),
            _ => Ok(()),
        };
        let allowed = self.check_ends(incoming.from, incoming.seen.to, Speaks::Stun).and(refused);
        let written = [marker, &write_refusal(spi)].concat();
        Some(allowed.and_then(|()| {
            if written.len() > incoming.bytes.len() {
                return Err(Refusal::TooShort);
            }
            self.take(incoming.from.ip(), false, incoming.now)?;
            answer.get_mut(..written.len()).ok_or(Refusal::Malformed)?.copy_from_slice(&written);
            Ok(Answer { len: written.len(), tos: None, ends: None })
        }))
    }
}
