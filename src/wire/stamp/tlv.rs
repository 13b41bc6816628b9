//! Extensions behind a base packet (RFC 8972 section 4): a byte of flags, a byte of type, two of length, the value.

use super::{TLV_HEADER, array};

/// Types that we read or write (RFC 8972 section 5.1); [`REPORT`](kind::REPORT) is of the range for private use.
pub mod kind {
    /// Bytes that make the packet longer (section 4.1).
    pub const EXTRA_PADDING: u8 = 1;
    /// DSCP and ECN as they came and as they are wished (section 4.4).
    pub const CLASS_OF_SERVICE: u8 = 4;
    /// Authenticates the other extensions (section 4.8).
    pub const HMAC: u8 = 8;
    /// What the responder received.
    pub const REPORT: u8 = 252;
}

/// The flags of a TLV.
pub mod flag {
    /// U: set by the sender; cleared by a reflector that understood the TLV.
    pub const UNRECOGNISED: u8 = 0x80;
    /// M: the reflector found it malformed.
    pub const MALFORMED: u8 = 0x40;
    /// I: its integrity could not be shown.
    pub const INTEGRITY: u8 = 0x20;
}

/// One extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// See [`flag`].
    pub flags: u8,
    /// See [`kind`].
    pub kind: u8,
    pub value: &'a [u8],
    /// Its length field points behind the packet's end; the value is what there is.
    pub cut: bool,
}

impl Tlv<'_> {
    /// The far end understood it: neither U nor M nor I.
    pub fn understood(&self) -> bool {
        self.flags & (flag::UNRECOGNISED | flag::MALFORMED | flag::INTEGRITY) == 0 && !self.cut
    }
}

/// The extensions of a packet, in order; ends at the first that is cut, and at fewer bytes than a header takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlvs<'a>(pub &'a [u8]);

impl<'a> Tlvs<'a> {
    /// The first of a kind.
    pub fn first_of(mut self, kind: u8) -> Option<Tlv<'a>> {
        self.find(|tlv| tlv.kind == kind)
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Tlv<'a>;

    fn next(&mut self) -> Option<Tlv<'a>> {
        let [flags, kind, high, low] = array(self.0, 0)?;
        let rest = self.0.get(TLV_HEADER..)?;
        let len = usize::from(u16::from_be_bytes([high, low]));
        let cut = len > rest.len();
        let (value, rest) = rest.split_at(len.min(rest.len()));
        self.0 = rest;
        Some(Tlv { flags, kind, value, cut })
    }
}

/// The value of a Class of Service TLV (RFC 8972 section 4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassOfService {
    /// DSCP1: what the sender asks the reflector to send with, six bits.
    pub wanted_dscp: u8,
    /// DSCP2: what the reflector received, six bits; 0 in a request.
    pub received_dscp: u8,
    /// What the reflector received, two bits; 0 in a request.
    pub received_ecn: u8,
    /// RP: 0 in a request; 1 where the reflector sends with another code point than was asked for.
    pub reverse_path: u8,
}

impl ClassOfService {
    /// Bytes of the value.
    pub const LEN: usize = 4;

    /// Reads a value; `None`: not four bytes.
    pub fn read(value: &[u8]) -> Option<Self> {
        let bits = u32::from_be_bytes(value.try_into().ok()?);
        Some(Self {
            wanted_dscp: (bits >> 26 & 0x3F) as u8,
            received_dscp: (bits >> 20 & 0x3F) as u8,
            received_ecn: (bits >> 18 & 0x03) as u8,
            reverse_path: (bits >> 16 & 0x03) as u8,
        })
    }

    /// The value's bytes.
    pub fn bytes(self) -> [u8; Self::LEN] {
        let field = |value: u8, bits: u32, at: u32| (u32::from(value) & ((1 << bits) - 1)) << at;
        let bits = field(self.wanted_dscp, 6, 26)
            | field(self.received_dscp, 6, 20)
            | field(self.received_ecn, 2, 18)
            | field(self.reverse_path, 2, 16);
        bits.to_be_bytes()
    }
}
