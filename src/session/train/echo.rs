//! The packets of a train that come back as they are: number, proof that they are ours, and zeros up to the media's
//! length. Knows none of the train's record but how long each packet was.

use super::answer::{Answer, Unfit};

/// What each packet begins with. Its first byte is none of STUN's, DTLS's or ChannelData's (RFC 7983), so that no layer on
/// the way takes it for its own.
const MAGIC: [u8; 4] = [0x80, b'r', b't', b'c'];

/// Bytes of the shortest packet: magic, number, proof.
pub(super) const LEAST_LEN: usize = 16;

/// A train's side of an echo.
pub(super) struct Echoes(ring::hmac::Key);

impl Echoes {
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret))
    }

    fn head(&self, seq: u32) -> [u8; LEAST_LEN] {
        let mut head = [0; LEAST_LEN];
        let number = seq.to_be_bytes();
        let tag = ring::hmac::sign(&self.0, &number);
        let bytes = MAGIC.iter().chain(&number).chain(tag.as_ref());
        head.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        head
    }

    /// Writes a packet of `len` bytes; `None`: the buffer is too small.
    pub fn write(&self, buf: &mut [u8], seq: u32, len: usize) -> Option<usize> {
        let len = len.max(LEAST_LEN);
        let (head, padding) = buf.get_mut(..len)?.split_first_chunk_mut::<LEAST_LEN>()?;
        *head = self.head(seq);
        padding.fill(0);
        Some(len)
    }

    /// Reads a packet that came back. `len` tells how long the packet of a number was.
    pub fn read(&self, bytes: &[u8], len: impl FnOnce(u32) -> Option<usize>) -> Result<Answer, Unfit> {
        let ([m0, m1, m2, m3, n0, n1, n2, n3, ..], padding) =
            bytes.split_first_chunk::<LEAST_LEN>().ok_or(Unfit::Unreadable)?;
        if [*m0, *m1, *m2, *m3] != MAGIC {
            return Err(Unfit::Unreadable);
        }
        let seq = u32::from_be_bytes([*n0, *n1, *n2, *n3]);
        if bytes.first_chunk() != Some(&self.head(seq)) {
            return Err(Unfit::NeverSent);
        }
        let len = len(seq).ok_or(Unfit::NeverSent)?;
        match bytes.len() {
            longer if longer > len => return Err(Unfit::Longer),
            same if same == len && padding.iter().all(|b| *b == 0) => {}
            _ => return Err(Unfit::Unreadable),
        }
        Ok(Answer::to(seq))
    }
}
