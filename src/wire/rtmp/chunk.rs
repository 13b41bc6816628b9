//! RTMP's chunk stream (section 5.3): messages cut into chunks that share a connection. The reader takes one chunk at a
//! time and keeps no more than its bounds, whatever lengths the peer claims.

use std::collections::BTreeMap;

/// Most bytes that are read, of all messages together.
pub const MOST_BYTES: usize = 64 * 1024;
/// Chunk streams that are kept track of.
const MOST_STREAMS: usize = 64;
/// Size of chunks until another is set (section 5.4.1).
const FIRST_SIZE: usize = 128;
/// The stream of our commands; 2 is for control.
const COMMANDS: u8 = 3;
/// A timestamp that says: the real one follows the header (section 5.3.1.3).
const EXTENDED: u32 = 0xFF_FFFF;
const SET_CHUNK_SIZE: u8 = 1;
const ABORT: u8 = 2;

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its type (sections 5.4 and 7.1).
    pub kind: u8,
    pub timestamp: u32,
    pub payload: Vec<u8>,
}

/// Why nothing more can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// No chunk stream.
    Malformed,
    /// More than [`MOST_BYTES`], or the claim of it.
    TooLarge,
}

/// What the headers on a chunk stream said so far.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    timestamp: u32,
    delta: u32,
    length: usize,
    kind: u8,
    extended: bool,
}

/// A chunk stream, and what has come of its message.
#[derive(Clone, Debug, Default)]
struct Stream {
    said: Said,
    part: Vec<u8>,
}

/// Reads what a server sends after the handshake.
#[derive(Clone, Debug)]
pub struct Reader {
    size: usize,
    total: usize,
    streams: BTreeMap<u32, Stream>,
}

impl Default for Reader {
    fn default() -> Self {
        Self { size: FIRST_SIZE, total: 0, streams: BTreeMap::new() }
    }
}

/// A chunk's header.
struct Header {
    id: u32,
    said: Said,
    /// Bytes of the message that came before; they are gone where the chunk begins another.
    had: usize,
    /// How many bytes it has.
    bytes: usize,
}

impl Reader {
    /// The next chunk in `bytes`: the message that it completes, if it does, and its length; `None` where not all of it
    /// is there. Size and abort messages are obeyed, and given as all others.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn next(&mut self, bytes: &[u8]) -> Result<Option<(Option<Message>, usize)>, Broken> {
        let Some(header) = self.header(bytes)? else { return Ok(None) };
        let wanted = header.said.length.saturating_sub(header.had).min(self.size);
        let used = header.bytes + wanted;
        if self.total + used > MOST_BYTES {
            return Err(Broken::TooLarge);
        }
        let Some(data) = bytes.get(header.bytes..used) else { return Ok(None) };
        self.total += used;
        let message = self.put(&header, data);
        if let Some(message) = &message {
            self.obey(message)?;
        }
        Ok(Some((message, used)))
    }

    fn put(&mut self, header: &Header, data: &[u8]) -> Option<Message> {
        let stream = self.streams.entry(header.id).or_default();
        stream.said = header.said;
        stream.part.truncate(header.had);
        stream.part.extend_from_slice(data);
        let Said { kind, timestamp, length, .. } = header.said;
        let whole = stream.part.len() == length;
        whole.then(|| Message { kind, timestamp, payload: std::mem::take(&mut stream.part) })
    }

    fn obey(&mut self, message: &Message) -> Result<(), Broken> {
        let Some(value) = message.payload.first_chunk().map(|b| u32::from_be_bytes(*b)) else { return Ok(()) };
        match message.kind {
            SET_CHUNK_SIZE if value == 0 || value > i32::MAX as u32 => return Err(Broken::Malformed),
            SET_CHUNK_SIZE => self.size = value as usize,
            ABORT => {
                if let Some(stream) = self.streams.get_mut(&value) {
                    stream.part.clear();
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn header(&self, bytes: &[u8]) -> Result<Option<Header>, Broken> {
        let Some((format, id, basic)) = basic(bytes) else { return Ok(None) };
        let known = self.streams.get(&id);
        if known.is_none() && (format != 0 || self.streams.len() >= MOST_STREAMS) {
            return Err(Broken::Malformed);
        }
        let (mut said, had) = known.map_or_else(Default::default, |s| (s.said, s.part.len()));
        let had = if format == 3 { had } else { 0 };
        let length = [11, 7, 3, 0].get(usize::from(format)).copied().unwrap_or(0);
        let Some(fields) = bytes.get(basic..basic + length) else { return Ok(None) };
        said.read(fields)?;
        let more = if said.extended { 4 } else { 0 };
        let Some(long) = bytes.get(basic + length..basic + length + more) else { return Ok(None) };
        if format != 3 && said.extended {
            said.delta = number(long);
        }
        if had == 0 {
            said.timestamp = if format == 0 { said.delta } else { said.timestamp.wrapping_add(said.delta) };
        }
        Ok(Some(Header { id, said, had, bytes: basic + length + more }))
    }
}

impl Said {
    /// Takes over the fields of a message header, as many as its format has.
    fn read(&mut self, fields: &[u8]) -> Result<(), Broken> {
        if let Some(time) = fields.get(..3).map(number) {
            (self.delta, self.extended) = (time, time == EXTENDED);
        }
        if let (Some(length), Some(kind)) = (fields.get(3..6).map(number), fields.get(6)) {
            (self.length, self.kind) = (length as usize, *kind);
        }
        // Types that RTMP has.
        match self.kind {
            1..=6 | 8 | 9 | 15..=20 | 22 if self.length <= MOST_BYTES => Ok(()),
            1..=6 | 8 | 9 | 15..=20 | 22 => Err(Broken::TooLarge),
            _ => Err(Broken::Malformed),
        }
    }
}

/// Format, chunk stream and length of the basic header (section 5.3.1.1).
fn basic(bytes: &[u8]) -> Option<(u8, u32, usize)> {
    let first = *bytes.first()?;
    let (format, id) = (first >> 6, first & 63);
    match id {
        0 => Some((format, 64 + u32::from(*bytes.get(1)?), 2)),
        1 => Some((format, 64 + u32::from(*bytes.get(1)?) + 256 * u32::from(*bytes.get(2)?), 3)),
        _ => Some((format, id.into(), 1)),
    }
}

/// Of at most four bytes, the most significant first.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |n, b| n << 8 | u32::from(*b))
}

/// A message of time 0 on message stream 0, in chunks of the first size.
pub fn encode(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = vec![COMMANDS, 0, 0, 0];
    out.extend(length.iter().skip(1));
    out.push(kind);
    out.extend([0; 4]);
    for (n, chunk) in payload.chunks(FIRST_SIZE).enumerate() {
        if n > 0 {
            out.push(3 << 6 | COMMANDS);
        }
        out.extend(chunk);
    }
    out
}
