//! TURN (RFC 8656): what a client writes and reads, over `stun-rs` for attributes and keys; ChannelData and the framing of
//! a stream by hand, because `stun-rs` has neither. Knows neither time nor sockets.

pub mod frames;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Integrity, Reply, read, read_data};
pub use write::{Ask, Auth, Key, Unwritable, write_request};

/// Methods (RFC 8656 section 17).
pub mod method {
    pub const ALLOCATE: u16 = 0x003;
    pub const REFRESH: u16 = 0x004;
    pub const SEND: u16 = 0x006;
    pub const DATA: u16 = 0x007;
    pub const CREATE_PERMISSION: u16 = 0x008;
    pub const CHANNEL_BIND: u16 = 0x009;
}

/// Attribute types (RFC 8656 section 18, RFC 8489 section 18.3).
mod attr {
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub const LIFETIME: u16 = 0x000D;
    pub const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub const DATA: u16 = 0x0013;
    pub const REALM: u16 = 0x0014;
    pub const NONCE: u16 = 0x0015;
    pub const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub const ALTERNATE_SERVER: u16 = 0x8023;

    /// The name in the standard, of those that a client meets.
    pub fn name(kind: u16) -> Option<&'static str> {
        Some(match kind {
            0x0001 => "MAPPED-ADDRESS",
            0x0006 => "USERNAME",
            MESSAGE_INTEGRITY => "MESSAGE-INTEGRITY",
            0x0009 => "ERROR-CODE",
            0x000A => "UNKNOWN-ATTRIBUTES",
            LIFETIME => "LIFETIME",
            XOR_PEER_ADDRESS => "XOR-PEER-ADDRESS",
            DATA => "DATA",
            REALM => "REALM",
            NONCE => "NONCE",
            XOR_RELAYED_ADDRESS => "XOR-RELAYED-ADDRESS",
            0x001C => "MESSAGE-INTEGRITY-SHA256",
            0x0020 => "XOR-MAPPED-ADDRESS",
            0x0022 => "RESERVATION-TOKEN",
            0x8000 => "ADDITIONAL-ADDRESS-FAMILY",
            0x8002 => "PASSWORD-ALGORITHMS",
            0x8004 => "ICMP",
            0x8022 => "SOFTWARE",
            ALTERNATE_SERVER => "ALTERNATE-SERVER",
            0x8028 => "FINGERPRINT",
            0x802B => "RESPONSE-ORIGIN",
            0x802C => "OTHER-ADDRESS",
            _ => return None,
        })
    }
}
