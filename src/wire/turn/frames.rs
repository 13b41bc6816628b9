//! ChannelData (RFC 8656 section 12.4), and STUN messages and ChannelData one after the other on a stream. A stream that
//! is out of step once is out of step for ever: there is nothing in it to find a beginning by.

use crate::wire::stun::{COOKIE, HEADER};

/// Bytes of a ChannelData header: channel number and length.
pub const CHANNEL_HEADER: usize = 4;

/// Numbers a client may bind (RFC 8656 section 12).
pub const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x4FFF;

/// The longest frame that two bytes of length can announce, padded: what a [`Framer`] holds at most beside what was
/// pushed last.
pub const LONGEST: usize = HEADER + 0xFFFF + 1;

/// The header of `len` bytes of data on channel `number`; `None`: more than its length field holds.
pub fn channel_header(number: u16, len: usize) -> Option<[u8; CHANNEL_HEADER]> {
    let [n0, n1] = number.to_be_bytes();
    let [l0, l1] = u16::try_from(len).ok()?.to_be_bytes();
    Some([n0, n1, l0, l1])
}

/// Writes `data` on channel `number` into `buf`, unpadded as a datagram has it, and answers its length. `None`: the buffer
/// is too small.
pub fn write_channel_data(buf: &mut [u8], number: u16, data: &[u8]) -> Option<usize> {
    let header = channel_header(number, data.len())?;
    let end = CHANNEL_HEADER + data.len();
    buf.get_mut(..CHANNEL_HEADER)?.copy_from_slice(&header);
    buf.get_mut(CHANNEL_HEADER..end)?.copy_from_slice(data);
    Some(end)
}

/// Channel number and data, without what may pad it. `None`: not ChannelData, or less of it than its header says.
pub fn read_channel_data(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let ([n0, n1, l0, l1], data) = bytes.split_first_chunk::<CHANNEL_HEADER>()?;
    if !is_channel_data(*n0) {
        return None;
    }
    let len = usize::from(u16::from_be_bytes([*l0, *l1]));
    Some((u16::from_be_bytes([*n0, *n1]), data.get(..len)?))
}

/// The zeros that must follow a frame on a stream (RFC 8656 section 12.5): ChannelData is padded to a multiple of four,
/// STUN messages already are.
pub fn padding(frame: &[u8]) -> &'static [u8] {
    const ZEROS: [u8; 3] = [0; 3];
    ZEROS.get(..frame.len().next_multiple_of(4) - frame.len()).unwrap_or_default()
}

/// The first two bits tell ChannelData (01) from STUN (00). Numbers above [`CHANNELS`] are what RFC 5766 allowed besides.
fn is_channel_data(first: u8) -> bool {
    first & 0xC0 == 0x40
}

/// Why a stream is none of TURN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFrames {
    /// These bytes stand where a STUN message or ChannelData should begin.
    #[error("bytes that begin no TURN message: {}", shown(.0))]
    Bytes([u8; 8]),
    /// More was pushed than is held, and the frames not taken.
    #[error("more than {LONGEST} bytes that nobody took")]
    TooMuch,
}

fn shown(bytes: &[u8; 8]) -> String {
    bytes
        .iter()
        .map(|b| if b.is_ascii_graphic() { char::from(*b).to_string() } else { format!("\\x{b:02x}") })
        .collect()
}

/// Cuts a stream into frames: a STUN message whole, ChannelData without its padding.
#[derive(Debug, Default)]
pub struct Framer {
    held: Vec<u8>,
    /// The first so many of them were handed out.
    taken: usize,
    /// A STUN message has come. Nothing else can come first, and text of other protocols begins like ChannelData.
    begun: bool,
    broken: Option<NotFrames>,
}

impl Framer {
    /// Nothing has come yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what was read from the stream. Frames are to be taken after each push: the memory is bounded by one frame and
    /// one push.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.drain(..self.taken);
        self.taken = 0;
        if self.broken.is_some() {
            return;
        }
        if self.held.len() > LONGEST {
            self.broken = Some(NotFrames::TooMuch);
            self.held = Vec::new();
            return;
        }
        self.held.extend_from_slice(bytes);
    }

    /// The next frame that is there whole; `None`: more has to come. `Err`: the stream is of no use any more, now and for
    /// ever.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, NotFrames> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let rest = self.held.get(self.taken..).unwrap_or_default();
        let Some((frame, padded)) = measure(rest, self.begun).inspect_err(|why| self.broken = Some(why.clone()))?
        else {
            return Ok(None);
        };
        if rest.len() < padded {
            return Ok(None);
        }
        let at = self.taken;
        (self.taken, self.begun) = (at + padded, true);
        Ok(self.held.get(at..at + frame))
    }

    /// Bytes of a frame that has not come whole: what an end of the stream cuts off.
    pub fn pending(&self) -> usize {
        self.held.len() - self.taken
    }
}

/// Bytes of the frame that begins here, without and with padding; `None`: its header has not come whole.
fn measure(bytes: &[u8], begun: bool) -> Result<Option<(usize, usize)>, NotFrames> {
    let wrong = || {
        let mut first = [0; 8];
        first.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Err(NotFrames::Bytes(first))
    };
    let Some(first) = bytes.first() else { return Ok(None) };
    let length = |at: usize| match bytes.get(at..at + 2) {
        Some(&[high, low]) => Some(usize::from(u16::from_be_bytes([high, low]))),
        _ => None,
    };
    if begun && is_channel_data(*first) {
        let frame = length(2).map(|len| CHANNEL_HEADER + len);
        return Ok(frame.map(|frame| (frame, frame.next_multiple_of(4))));
    }
    // What came of the cookie must be right; a length that is no multiple of four is no message's (RFC 8489 section 5).
    let cookie = bytes.iter().skip(4).zip(COOKIE).all(|(came, right)| *came == right);
    let uneven = length(2).is_some_and(|len| len % 4 != 0);
    if first & 0xC0 != 0 || !cookie || uneven {
        return wrong();
    }
    let frame = length(2).filter(|_| bytes.len() >= 8).map(|len| HEADER + len);
    Ok(frame.map(|frame| (frame, frame)))
}

#[cfg(test)]
mod tests;
