//! RTMP's handshake (section 5.2): one byte of version and two packets of 1536 bytes from each side.

/// The only version in use; 6 is the encrypted RTMPE.
pub const VERSION: u8 = 3;
/// Length of C1, C2, S1 and S2.
pub const PACKET: usize = 1536;
/// Random bytes of C1.
pub const RANDOM: usize = PACKET - 8;

/// What a client says first.
#[derive(Clone, Debug)]
pub struct Hello {
    random: [u8; RANDOM],
}

/// A server's version and S1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    s1: Vec<u8>,
}

/// What the bytes so far are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Not decided: more bytes are needed.
    More,
    /// S0 and S1, and how many bytes they had.
    Greeting(Greeting, usize),
    /// S0 has another version; whether it is RTMP at all is not known.
    Version(u8),
}

impl Hello {
    /// C1 carries these bytes, and S2 has to repeat them.
    pub fn new(random: [u8; RANDOM]) -> Self {
        Self { random }
    }

    /// C0 and C1. Time and version are zero, so that no server takes it for the handshake with a digest.
    pub fn encode(&self) -> Vec<u8> {
        [&[VERSION], &[0; 8][..], &self.random].concat()
    }

    /// What a server that was sent this said first.
    pub fn read(&self, bytes: &[u8]) -> Reading {
        match (bytes.first(), bytes.get(1..=PACKET)) {
            (None, _) => Reading::More,
            (Some(&version), _) if version != VERSION => Reading::Version(version),
            (_, None) => Reading::More,
            (_, Some(s1)) => Reading::Greeting(Greeting { s1: s1.to_vec() }, 1 + PACKET),
        }
    }

    /// Whether S1 is C1 again, as nginx's RTMP module sends it, and as an echo service does. The latter sends no S2 before
    /// it is sent C2.
    pub fn is_repeated_by(&self, greeting: &Greeting) -> bool {
        greeting.s1.get(8..) == Some(&self.random[..])
    }

    /// Whether S2 repeats the time and the random bytes of C1, as section 5.2.4 asks; `None` before all of it is there.
    pub fn echoed(&self, s2: &[u8]) -> Option<bool> {
        let s2 = s2.get(..PACKET)?;
        Some(s2.get(..4) == Some(&[0; 4]) && s2.get(8..) == Some(&self.random[..]))
    }
}

impl Greeting {
    /// C2: S1 again, with no time at which it was read.
    pub fn answer(&self) -> Vec<u8> {
        let mut c2 = self.s1.clone();
        c2.iter_mut().skip(4).take(4).for_each(|b| *b = 0);
        c2
    }
}
