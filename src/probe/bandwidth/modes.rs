//! Which loads a line carries, and how many of them side by side, with a fifth kept free.

use serde_json::{Value, json};

use crate::model::Load;
use crate::stats::capacity::sessions;

/// One entry a load, as the fact MODES has them. `up` and `down` are what the line carries, kbit/s at the IP level.
pub(super) fn modes(up: Option<f64>, down: Option<f64>, loads: &[Load], v6: bool) -> Vec<Value> {
    let one = |load: &Load| {
        let alone = Load { sessions: 1, ..*load };
        let (each_up, each_down) = (alone.figures_up().ip_kbps(v6), alone.figures_down().ip_kbps(v6));
        // A direction that was not measured carries an unknown number.
        let known = (up.is_some() || load.up_kbps == 0.0) && (down.is_some() || load.down_kbps == 0.0);
        let zero = |required: f64, each: f64| if required > 0.0 { each } else { 0.0 };
        let fit = known.then(|| {
            let each = (zero(load.up_kbps, each_up), zero(load.down_kbps, each_down));
            sessions(up.unwrap_or(0.0), down.unwrap_or(0.0), each.0, each.1)
        });
        json!({
            "media": load.media,
            "up_kbps": load.up_kbps,
            "down_kbps": load.down_kbps,
            "down_streams": load.down_streams,
            "ip_up_kbps": round(each_up),
            "ip_down_kbps": round(each_down),
            "carried": fit.map(|n| n >= load.sessions.max(1)),
            "sessions": fit,
            "formula": format!(
                "floor(0.8 x min({} / {}, {} / {}))",
                words(up), round(each_up), words(down), round(each_down)
            ),
        })
    };
    loads.iter().map(one).collect()
}

fn round(kbps: f64) -> f64 {
    (kbps * 10.0).round() / 10.0
}

fn words(kbps: Option<f64>) -> String {
    kbps.map_or_else(|| "unknown".to_owned(), |k| round(k).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Media;

    #[test]
    fn a_fifth_is_kept_free_and_the_narrower_way_decides() {
        let load = Load { media: Media::Audio, up_kbps: 40.0, down_kbps: 40.0, sessions: 1, down_streams: 1 };
        // 56.8 kbit/s each at the IP level.
        let modes = modes(Some(1000.0), Some(213.0), &[load], false);
        assert_eq!(modes[0]["sessions"], 3);
        assert_eq!(modes[0]["carried"], true);
        assert_eq!(modes[0]["formula"], "floor(0.8 x min(1000 / 56.8, 213 / 56.8))");
        let few = super::modes(Some(1000.0), Some(70.0), &[load], false);
        assert_eq!((few[0]["sessions"].clone(), few[0]["carried"].clone()), (json!(0), json!(false)));
        let unknown = super::modes(Some(1000.0), None, &[load], false);
        assert!(unknown[0]["sessions"].is_null() && unknown[0]["carried"].is_null());
    }
}
