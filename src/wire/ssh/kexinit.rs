//! The binary packet protocol of SSH before keys are agreed (RFC 4253 section 6), as far as the offer of algorithms
//! (section 7.1).

/// Largest packet that is read, of its own length field (section 6.1).
pub const LONGEST: usize = 35_000;
/// Names of one list that are read.
const MOST_NAMES: usize = 128;
/// Bytes of one name (RFC 4251 section 6 allows 64).
const LONGEST_NAME: usize = 128;
/// Packets are padded to a multiple of this, by no fewer than four bytes, while nothing is encrypted.
const BLOCK: usize = 8;

const DISCONNECT: u8 = 1;
const KEXINIT: u8 = 20;
/// SSH_DISCONNECT_BY_APPLICATION (section 11.1).
const BY_APPLICATION: u32 = 11;

/// What a packet holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    Offer(Offer),
    /// The peer ends the connection; its words, unsanitised.
    Disconnect(String),
    /// A message of another number.
    Other(u8),
}

/// Bytes that are no packet, or exceed the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The names that count of an offer, in the order of preference; ciphers and MACs are those towards the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    pub kex: Vec<String>,
    pub host_keys: Vec<String>,
    pub ciphers: Vec<String>,
    pub macs: Vec<String>,
}

/// The first packet of `bytes` and its length; `None` where not all of it is there.
///
/// # Errors
/// [`Malformed`].
pub fn read(bytes: &[u8]) -> Result<Option<(Packet, usize)>, Malformed> {
    let Some(length) = bytes.first_chunk().map(|b| u32::from_be_bytes(*b) as usize) else { return Ok(None) };
    if !(6..=LONGEST).contains(&length) {
        return Err(Malformed);
    }
    let Some(packet) = bytes.get(4..4 + length) else { return Ok(None) };
    let (&padding, rest) = packet.split_first().ok_or(Malformed)?;
    let payload = rest.len().checked_sub(padding.into()).and_then(|end| rest.get(..end)).ok_or(Malformed)?;
    Ok(Some((message(payload)?, 4 + length)))
}

fn message(payload: &[u8]) -> Result<Packet, Malformed> {
    let (&number, body) = payload.split_first().ok_or(Malformed)?;
    match number {
        KEXINIT => offer(body).map(Packet::Offer),
        DISCONNECT => {
            let words = string(body.get(4..).ok_or(Malformed)?)?.0;
            Ok(Packet::Disconnect(String::from_utf8_lossy(words.get(..200).unwrap_or(words)).into_owned()))
        }
        other => Ok(Packet::Other(other)),
    }
}

/// A cookie, ten lists of names, whether a guess follows, and four bytes that are zero.
fn offer(body: &[u8]) -> Result<Offer, Malformed> {
    let mut rest = body.get(16..).ok_or(Malformed)?;
    let mut lists = Vec::new();
    for _ in 0..10 {
        let (list, after) = string(rest)?;
        lists.push(names(list)?);
        rest = after;
    }
    rest.get(..5).ok_or(Malformed)?;
    let mut lists = lists.into_iter();
    let mut next = || lists.next().unwrap_or_default();
    let (kex, host_keys, ciphers, _, macs) = (next(), next(), next(), next(), next());
    Ok(Offer { kex, host_keys, ciphers, macs })
}

/// A length and as many bytes, and what follows (RFC 4251 section 5).
fn string(bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let (length, rest) = bytes.split_first_chunk().ok_or(Malformed)?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or(Malformed)
}

/// Names of printable US-ASCII between commas (RFC 4251 section 5).
fn names(list: &[u8]) -> Result<Vec<String>, Malformed> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let name = |name: &[u8]| match name.len() <= LONGEST_NAME && name.iter().all(u8::is_ascii_graphic) {
        true if !name.is_empty() => Ok(String::from_utf8_lossy(name).into_owned()),
        _ => Err(Malformed),
    };
    let names: Vec<&[u8]> = list.split(|b| *b == b',').take(MOST_NAMES + 1).collect();
    if names.len() > MOST_NAMES { Err(Malformed) } else { names.into_iter().map(name).collect() }
}

impl Offer {
    /// The packet that makes this offer, in both directions alike and without compression.
    pub fn encode(&self, cookie: [u8; 16]) -> Vec<u8> {
        let none = vec!["none".to_owned()];
        let lists = [&self.kex, &self.host_keys, &self.ciphers, &self.ciphers, &self.macs, &self.macs, &none, &none];
        let mut payload = vec![KEXINIT];
        payload.extend(cookie);
        for list in lists {
            put(list.join(",").as_bytes(), &mut payload);
        }
        // No languages, no guess, and the four bytes that are zero.
        payload.extend([0; 4 + 4 + 1 + 4]);
        packet(&payload)
    }
}

/// The packet that ends a connection, with `words` for the server's log.
pub fn disconnect(words: &str) -> Vec<u8> {
    let mut payload = vec![DISCONNECT];
    payload.extend(BY_APPLICATION.to_be_bytes());
    put(words.as_bytes(), &mut payload);
    put(b"", &mut payload);
    packet(&payload)
}

fn put(text: &[u8], out: &mut Vec<u8>) {
    out.extend(u32::try_from(text.len()).unwrap_or(0).to_be_bytes());
    out.extend(text);
}

fn packet(payload: &[u8]) -> Vec<u8> {
    let padding = 4 + (BLOCK - (4 + 1 + payload.len() + 4) % BLOCK) % BLOCK;
    let mut out = Vec::new();
    out.extend(u32::try_from(1 + payload.len() + padding).unwrap_or(0).to_be_bytes());
    out.push(u8::try_from(padding).unwrap_or(4));
    out.extend(payload);
    out.resize(out.len() + padding, 0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    fn some() -> Offer {
        Offer {
            kex: strings(&["curve25519-sha256", "diffie-hellman-group14-sha256"]),
            host_keys: strings(&["ssh-ed25519"]),
            ciphers: strings(&["aes128-ctr", "chacha20-poly1305@openssh.com"]),
            macs: strings(&["hmac-sha2-256"]),
        }
    }

    #[test]
    fn packets_are_padded_and_read_back() {
        let bytes = some().encode([7; 16]);
        assert_eq!((bytes.len() % 8, bytes[5], &bytes[6..22]), (0, 20, &[7; 16][..]));
        assert!(bytes[4] >= 4);
        assert_eq!(read(&bytes), Ok(Some((Packet::Offer(some()), bytes.len()))));
        assert_eq!(read(&bytes[..bytes.len() - 1]), Ok(None));
        let bytes = disconnect("bye");
        assert_eq!((bytes.len() % 8, &bytes[5..10]), (0, &[1, 0, 0, 0, 11][..]));
        assert_eq!(read(&bytes), Ok(Some((Packet::Disconnect("bye".to_owned()), bytes.len()))));
        assert_eq!(read(&packet(&[2, 0, 0, 0, 0])), Ok(Some((Packet::Other(2), 16))));
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        let huge = [0, 0, 0x88, 0xB9, 4];
        let only_padding = [0, 0, 0, 12, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let cut = packet(&[&[KEXINIT][..], &[0; 16], &[0, 0, 0, 200], b"x"].concat());
        let spaces = packet(&[&[KEXINIT][..], &[0; 16], &[0, 0, 0, 3], b"a b", &[0; 41]].concat());
        for bytes in [&b"Exceeded MaxStartups\r\n"[..], &huge, &[0; 16], &only_padding, &cut, &spaces] {
            assert_eq!(read(bytes), Err(Malformed), "{bytes:?}");
        }
        let many = Offer { kex: vec!["a".to_owned(); MOST_NAMES + 1], ..some() };
        assert_eq!(read(&many.encode([0; 16])), Err(Malformed));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
            let _ = message(&bytes);
            let _ = offer(&bytes);
        }

        #[test]
        fn offers_are_read_back(kex in proptest::collection::vec("[!-+--~]{1,20}", 0..9), macs in proptest::collection::vec("[!-+--~]{1,20}", 0..9)) {
            let offer = Offer { kex, macs, ..some() };
            let bytes = offer.encode([1; 16]);
            prop_assert_eq!(read(&bytes), Ok(Some((Packet::Offer(offer), bytes.len()))));
        }
    }
}
