//! Transaction ids that say which port was asked for the how-manieth time and that nobody off the path can guess, so
//! that matching an answer needs no table.

use crate::wire::stun::TransactionId;

/// Makes and checks transaction ids under a secret of the session.
pub(crate) struct Ids(ring::hmac::Key);

impl Ids {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret))
    }

    /// Two bytes of port, one of attempt, nine of HMAC over both.
    pub(crate) fn id(&self, port: u16, attempt: u8) -> TransactionId {
        let [p0, p1] = port.to_be_bytes();
        let tag = ring::hmac::sign(&self.0, &[p0, p1, attempt]);
        let mut id = [0; 12];
        id.iter_mut().zip([p0, p1, attempt].iter().chain(tag.as_ref())).for_each(|(b, v)| *b = *v);
        id
    }

    /// Which port was asked with the id, and for the how-manieth time, if it is one of ours.
    pub(crate) fn asked(&self, id: &TransactionId) -> Option<(u16, u8)> {
        let port = u16::from_be_bytes([id[0], id[1]]);
        self.attempt(port, id).map(|attempt| (port, attempt))
    }

    /// Which attempt at `port` the id belongs to, if it is one of ours.
    pub(crate) fn attempt(&self, port: u16, id: &TransactionId) -> Option<u8> {
        let attempt = id[2];
        (self.id(port, attempt) == *id).then_some(attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_known_again_for_its_port_only_and_under_its_secret_only() {
        let ids = Ids::new(&[1; 32]);
        let id = ids.id(19_099, 3);
        assert_eq!(ids.attempt(19_099, &id), Some(3));
        assert_eq!(ids.attempt(19_100, &id), None);
        assert_eq!((ids.asked(&id), ids.asked(&[9; 12])), (Some((19_099, 3)), None));
        assert_eq!(Ids::new(&[2; 32]).attempt(19_099, &id), None);
        let mut other = id;
        other[2] = 4;
        assert_eq!(ids.attempt(19_099, &other), None);
    }
}
