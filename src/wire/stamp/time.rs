//! Timestamps of test packets: NTP's 32.32 fixed point or PTP's truncated seconds and nanoseconds (RFC 8762
//! section 4.2.1), and the Error Estimate that says which.

use std::time::Duration;

/// Seconds from 1900 (NTP) to 1970 (Unix).
const NTP_EPOCH: u64 = 2_208_988_800;

/// Sixty-four bits as they stand in a packet; only the packet's Error Estimate tells how to read them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// NTP form of a time since 1970; wraps in 2036 as NTP does.
    pub fn ntp(since_1970: Duration) -> Self {
        let seconds = since_1970.as_secs().wrapping_add(NTP_EPOCH) & 0xFFFF_FFFF;
        let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;
        Self(seconds << 32 | fraction)
    }

    /// Nanoseconds from `earlier` to this, both read as `error` says; negative when it is earlier. Right for spans under
    /// 68 years, whatever era either is of.
    pub fn since(self, earlier: Timestamp, error: ErrorEstimate) -> i64 {
        match error.ptp() {
            false => {
                let span = self.0.wrapping_sub(earlier.0) as i64;
                // To the nearest, because the fractions are cut.
                i64::try_from((i128::from(span) * 1_000_000_000 + (1 << 31)) >> 32).unwrap_or(0)
            }
            true => {
                let seconds = ((self.0 >> 32) as u32).wrapping_sub((earlier.0 >> 32) as u32) as i32;
                let nanos = i64::from(self.0 as u32) - i64::from(earlier.0 as u32);
                i64::from(seconds) * 1_000_000_000 + nanos
            }
        }
    }
}

/// S, Z, Scale and Multiplier (RFC 4656 section 4.1.2, RFC 8762 section 4.2.1), sixteen bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorEstimate(pub u16);

impl ErrorEstimate {
    /// NTP form, not known to be synchronised, and an error of about a second: our clock is what the system says.
    pub const UNSYNCHRONISED: Self = Self(32 << 8 | 1);

    /// The timestamp is in PTP's form (Z).
    pub fn ptp(self) -> bool {
        self.0 & 0x4000 != 0
    }

    /// The sender's clock is synchronised to UTC (S).
    pub fn synchronised(self) -> bool {
        self.0 & 0x8000 != 0
    }
}
