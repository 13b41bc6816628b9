//! Our own extension, of a type for private use: what the reflector has received so far, in every reply, so that the
//! sender knows the fate of each packet in each direction although replies are lost, repeated and overtaken.

use super::{array, put};

/// The value of our report TLV. A request bears [`token`](Self::token) and [`query`](Self::query) and is zero elsewhere;
/// a reply bears all. Request and reply are of one length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Of the session that the responder granted over TLS; 0 for a sender without one.
    pub token: u64,
    /// The packet asks for the counts alone: it is no part of the train, takes no number of the reflector's sequence and
    /// is counted nowhere.
    pub query: bool,
    /// Different sequence numbers received.
    pub unique: u32,
    /// Packets received whose number had come before.
    pub duplicates: u32,
    /// Packets, duplicates apart, that came after one with a higher number (RFC 4737 section 3).
    pub reordered: u32,
    /// Packets that the reflector's own socket lost for want of room, as far as it can tell (SO_RXQ_OVFL).
    pub overflow: u32,
    /// The highest number received.
    pub highest: u32,
    /// Bit n: number `highest - n` was received.
    pub window: u128,
}

impl Report {
    /// Bytes of the value.
    pub const LEN: usize = 48;

    /// The first byte behind the token.
    const VERSION: u8 = 1;

    /// Reads a value; `None`: another length or version.
    pub fn read(value: &[u8]) -> Option<Self> {
        let number = |at| array(value, at).map(u32::from_be_bytes);
        if value.len() != Self::LEN || *value.get(8)? != Self::VERSION {
            return None;
        }
        Some(Self {
            token: u64::from_be_bytes(array(value, 0)?),
            query: *value.get(9)? & 1 != 0,
            unique: number(12)?,
            duplicates: number(16)?,
            reordered: number(20)?,
            overflow: number(24)?,
            highest: number(28)?,
            window: u128::from_be_bytes(array(value, 32)?),
        })
    }

    /// The value's bytes.
    pub fn bytes(&self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        let head = [Self::VERSION, u8::from(self.query), 0, 0];
        let fields = [self.unique, self.duplicates, self.reordered, self.overflow, self.highest];
        let all = put(&mut out, 0, &self.token.to_be_bytes())
            .and_then(|()| put(&mut out, 8, &head))
            .and_then(|()| {
                fields
                    .iter()
                    .zip([12, 16, 20, 24, 28])
                    .try_for_each(|(f, at)| put(&mut out, at, &f.to_be_bytes()).ok_or(()))
                    .ok()
            })
            .and_then(|()| put(&mut out, 32, &self.window.to_be_bytes()));
        debug_assert!(all.is_some());
        out
    }

    /// Whether the number was received, as far as the window reaches. Numbers wrap.
    pub fn has(&self, seq: u32) -> Option<bool> {
        match self.highest.wrapping_sub(seq) {
            _ if self.unique == 0 => Some(false),
            ahead if (ahead as i32) < 0 => Some(false),
            back if back < u128::BITS => Some(self.window >> back & 1 == 1),
            _ => None,
        }
    }
}
