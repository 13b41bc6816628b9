//! What a load comes to on the wire, as the plan tells it beforehand and a report afterwards. Knows neither.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::measure::Load;
use super::shape::Figures;

/// One direction of a load, all its sessions and streams together, in kbit/s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OneWay {
    /// At the most: a measuring packet that is larger than the media's makes for fewer at the same rate.
    pub packets_per_second: f64,
    /// Codec payload.
    pub payload_kbps: f64,
    /// With RTP headers.
    pub rtp_kbps: f64,
    /// With RTP, UDP and IP headers.
    pub ip_kbps: f64,
}

impl OneWay {
    fn of(kbps: f64, figures: Figures, v6: bool) -> Self {
        if kbps <= 0.0 {
            return Self::default();
        }
        // Beats are whole nanoseconds, which no reader cares for.
        let rounded = |n: f64| (n * 1000.0).round() / 1000.0;
        Self {
            packets_per_second: rounded(figures.packets_per_second),
            payload_kbps: rounded(figures.codec_kbps),
            rtp_kbps: rounded(figures.udp_kbps),
            ip_kbps: rounded(figures.ip_kbps(v6)),
        }
    }
}

/// A load and what it comes to: `observed.load`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Offered {
    #[serde(flatten)]
    pub load: Load,
    pub up: OneWay,
    pub down: OneWay,
}

impl Load {
    /// What the load comes to on the wire of a family.
    pub fn offered(&self, v6: bool) -> Offered {
        Offered {
            load: *self,
            up: OneWay::of(self.up_kbps, self.figures_up(), v6),
            down: OneWay::of(self.down_kbps, self.figures_down(), v6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Media;

    #[test]
    fn both_directions_are_told_at_each_level() {
        let load = Load { media: Media::Audio, up_kbps: 40.0, down_kbps: 0.0, sessions: 3, down_streams: 2 };
        let offered = load.offered(true);
        let up = offered.up;
        assert_eq!((up.packets_per_second, up.payload_kbps, up.rtp_kbps, up.ip_kbps), (150.0, 122.4, 136.8, 194.4));
        assert_eq!(offered.down, OneWay::default());
        assert_eq!(Load { down_kbps: 40.0, ..load }.offered(false).down.ip_kbps, 340.8);
    }
}
