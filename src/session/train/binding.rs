//! The packets of a train over STUN: Binding requests, each with a transaction id of its own that says which packet it
//! is.

use super::answer::{Answer, Unfit};
use crate::session::ids::Ids;
use crate::session::{Credential, write_request};
use crate::wire::stun::{BINDING, Class, Message, request_len};

/// A train's side of STUN.
pub(super) struct Bindings {
    ids: Ids,
    credential: Option<Credential>,
}

impl Bindings {
    pub fn new(secret: &[u8; 32], credential: Option<Credential>) -> Self {
        Self { ids: Ids::new(secret), credential }
    }

    /// Bytes of every request.
    pub fn len(&self) -> usize {
        request_len(self.credential.is_some())
    }

    /// Writes a request; `None`: the buffer is too small, or the number beyond what an id holds.
    pub fn write(&self, buf: &mut [u8], seq: u32) -> Option<usize> {
        let [0, high, a, b] = seq.to_be_bytes() else { return None };
        write_request(buf, self.ids.id(u16::from_be_bytes([a, b]), high), self.credential.as_ref())
    }

    /// Reads a response. Its length says nothing: a server's attributes are its own.
    pub fn read(&self, bytes: &[u8], sent: u32) -> Result<Answer, Unfit> {
        let message = Message::read(bytes).map_err(|_| Unfit::Unreadable)?;
        let response = matches!(message.class(), Class::Success | Class::Error) && message.method() == BINDING;
        if !response || message.fingerprint_ok() == Some(false) {
            return Err(Unfit::Unreadable);
        }
        let (low, high) = self.ids.asked(&message.id()).ok_or(Unfit::NeverSent)?;
        let [a, b] = low.to_be_bytes();
        let seq = u32::from_be_bytes([0, high, a, b]);
        if seq >= sent {
            return Err(Unfit::NeverSent);
        }
        let error = (message.class() == Class::Error).then(|| message.error_code().map_or(0, |(number, _)| number));
        Ok(Answer { error, ..Answer::to(seq) })
    }
}
