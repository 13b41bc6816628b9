//! The emulator's log: one packet a line.

use std::path::Path;

/// What the emulator did to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Passed,
    /// A second copy that it made itself.
    Copy,
    Lost,
}

/// A packet, from its IP header on. Times are nanoseconds of the wall clock.
#[derive(Clone, Debug)]
pub struct Packet {
    /// From the client to the server.
    pub up: bool,
    pub came: i64,
    /// When it went on; `None`: it never did.
    pub left: Option<i64>,
    pub protocol: u8,
    /// Source and destination; identifier and sequence number of ICMP.
    pub ports: (u16, u16),
    pub fate: Fate,
    /// The first bytes behind the transport's header.
    pub payload: Vec<u8>,
}

impl Packet {
    /// How long the emulator kept it.
    pub fn delay(&self) -> Option<i64> {
        self.left.map(|left| left - self.came)
    }
}

/// Reads the whole log.
#[track_caller]
pub fn read(path: &Path) -> Vec<Packet> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| packet(line).unwrap_or_else(|| panic!("no packet: {line}"))).collect()
}

fn packet(line: &str) -> Option<Packet> {
    let fields: Vec<&str> = line.split(',').collect();
    let number = |at: usize| fields.get(at)?.parse::<i64>().ok();
    let hex = fields.get(11)?;
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    Some(Packet {
        up: *fields.first()? == "ab",
        came: number(2)?,
        left: number(3).filter(|t| *t > 0),
        protocol: u8::try_from(number(5)?).ok()?,
        ports: (u16::try_from(number(6)?).ok()?, u16::try_from(number(7)?).ok()?),
        fate: match *fields.get(8)? {
            "pass" => Fate::Passed,
            "dup" => Fate::Copy,
            _ => Fate::Lost,
        },
        payload: (0..hex.len() / 2).map(|at| byte(2 * at)).collect::<Option<_>>()?,
    })
}
