//! Figures worked out by hand from the document's tables, and what must hold for any plan.
#![allow(clippy::float_cmp, reason = "the figures are exact")]

use proptest::prelude::*;

use super::*;
use crate::model::sizing::{About, Origin, RateOp};
use crate::profile::{built_in, load};

fn asked(channels: u32, mode: &str, hours_per_day: f64, days: u32) -> Asked {
    Asked { channels, mode: mode.to_owned(), hours_per_day, days }
}

fn sizes(channels: u32, mode: &str, hours_per_day: f64, days: u32) -> Sizes {
    size(&built_in("rtc-server").unwrap(), asked(channels, mode, hours_per_day, days), "1.2.3").unwrap()
}

fn refusal(asked: Asked) -> String {
    size(&built_in("rtc-server").unwrap(), asked, "1.2.3").unwrap_err().to_string()
}

/// `count x channels` of each kind of server, then cores, memory and models of the last.
fn servers(channels: u32) -> (Vec<(u32, u32)>, u32, u32, f64, String) {
    let need = sizes(channels, "medium", 24.0, 30).server;
    let models = need.machines.last().unwrap().models.iter().map(|m| m.reference.clone()).collect::<Vec<_>>();
    let kinds = need.machines.iter().map(|m| (m.count, m.channels)).collect();
    (kinds, need.cores_least, need.cores_most, need.memory_gb, models.join(" "))
}

#[test]
fn the_smallest_row_that_holds_the_channels_is_taken() {
    let small = (vec![(1, 30)], 1, 2, 4.0, "t2.small t2.medium".to_owned());
    let medium = (vec![(1, 60)], 2, 4, 8.0, "t2.medium".to_owned());
    let large = (vec![(1, 120)], 4, 6, 16.0, "t2.large".to_owned());
    let largest = (vec![(1, 240)], 6, 8, 32.0, "t2.large t2.xlarge".to_owned());
    for (channels, expected) in [
        (1, &small),
        (30, &small),
        (31, &medium),
        (60, &medium),
        (61, &large),
        (120, &large),
        (121, &largest),
        (240, &largest),
    ] {
        assert_eq!(&servers(channels), expected, "{channels}");
    }
}

#[test]
fn beyond_the_largest_row_there_are_several_servers_and_a_note() {
    assert_eq!(servers(241), (vec![(1, 240), (1, 30)], 7, 10, 36.0, "t2.small t2.medium".to_owned()));
    assert_eq!(servers(361), (vec![(2, 240)], 12, 16, 64.0, "t2.large t2.xlarge".to_owned()));
    assert_eq!(servers(480).0, [(2, 240)]);
    assert_eq!(servers(600), (vec![(2, 240), (1, 120)], 16, 22, 80.0, "t2.large".to_owned()));
    let told = |channels| {
        let notes = sizes(channels, "medium", 24.0, 30).notes;
        notes.into_iter().filter(|n| n.about == About::Server && n.text.contains("ends at 240 channels")).count()
    };
    assert_eq!((told(240), told(241)), (0, 1));
    assert_eq!(sizes(600, "medium", 24.0, 30).server.channels, 600);
}

#[test]
fn a_call_crosses_the_server_twice_each_way_and_the_site_once() {
    let need = sizes(60, "medium", 24.0, 30).bandwidth;
    assert_eq!((need.mode.server.up_streams, need.mode.server.down_streams), (120, 120));
    // 60 calls x 2 peers x 128 kbit/s.
    assert_eq!((need.mode.server.up_kbps, need.mode.server.down_kbps), (15_360.0, 15_360.0));
    assert_eq!((need.mode.site.up_kbps, need.mode.site.down_kbps), (7_680.0, 7_680.0));
    assert_eq!(need.recommended.unwrap().server, need.mode.server);
    let ultra = sizes(1, "ultra", 24.0, 30).bandwidth;
    assert_eq!((ultra.mode.server.up_kbps, ultra.mode.site.up_kbps), (1024.0, 512.0));
    let recommended = ultra.recommended.unwrap();
    assert_eq!((recommended.server.up_kbps, recommended.site.up_kbps), (256.0, 128.0));
    assert_eq!((recommended.stream_kbps, recommended.resolution.as_str()), (128.0, "640x400"));
}

#[test]
fn headers_are_on_top_at_the_ip_level() {
    let line = sizes(1, "medium", 24.0, 30).bandwidth.mode.site;
    // 50 packets of sound (100 bytes) and 30 of picture (88000 / 8 / 30 = 366.7, so 367 bytes) a second, with 12 bytes of
    // RTP, 8 of UDP and 20 of IPv4, 40 of IPv6: 50 x 140 + 30 x 407 = 19210 bytes, 80 x 20 more.
    assert_eq!((line.up_ip_kbps_v4, line.up_ip_kbps_v6), (153.68, 166.48));
}

#[test]
fn signs_of_the_document_are_kept_and_told() {
    for (mode, op, words) in [
        ("low", RateOp::Below, "are the most"),
        ("medium", RateOp::Exactly, ""),
        ("high", RateOp::Above, "are the least"),
    ] {
        let sizes = sizes(60, mode, 24.0, 30);
        assert_eq!((sizes.mode.op, sizes.bandwidth.mode.op), (op, op));
        assert_eq!(
            sizes.notes.iter().filter(|n| n.text.contains("the figures are reckoned with")).count(),
            usize::from(!words.is_empty())
        );
        assert!(sizes.notes.iter().any(|n| n.text.contains(words)), "{mode}");
    }
}

/// Gigabytes of the document's table.
fn stored(channels: u32, mode: &str, hours: f64, days: u32) -> f64 {
    sizes(channels, mode, hours, days).recording.documented.unwrap().total_gigabytes
}

#[test]
fn recordings_of_a_documented_duration_are_its_row() {
    // The rows of 1 min, 1 h, 1 day and 1 month, in gigabytes of one channel.
    let rows = [(1.0 / 60.0, 1), (1.0, 1), (24.0, 1), (24.0, 30)];
    for (mode, expected) in [
        ("low", [0.0015, 0.09, 2.16, 64.8]),
        ("medium", [0.0025, 0.15, 3.6, 108.0]),
        ("high", [0.016, 1.0, 24.0, 720.0]),
    ] {
        assert_eq!(rows.map(|(hours, days)| stored(1, mode, hours, days)), expected, "{mode}");
    }
    assert_eq!(stored(60, "medium", 24.0, 30), 6480.0);
    assert_eq!(stored(240, "high", 24.0, 365), 2_102_400.0);
}

#[test]
fn durations_between_the_rows_lie_on_the_line_between_them() {
    let ninety = |mode| stored(1, mode, 1.5, 1);
    // 1 h and 1 day are linear in every column: 90 min is one and a half hours.
    assert_eq!((ninety("low"), ninety("medium"), ninety("high")), (0.135, 0.225, 1.5));
    // 30 min of high: 16 + (1000 - 16) x 29 / 59 = 499.661017 MB, not 30 x 16 = 480.
    assert_eq!(stored(1, "high", 0.5, 1), 0.499_661);
    assert_eq!(stored(1, "high", 0.0, 1), 0.0);
    // Half of the shortest row.
    assert_eq!(stored(1, "high", 0.5 / 60.0, 1), 0.008);
    let steps = sizes(2, "high", 0.5, 10).recording.documented.unwrap().steps;
    assert_eq!(
        steps,
        [
            "between 1 min and 60 min: 16 + (1000 - 16) x (30 - 1) / (60 - 1) = 499.661017 MB a channel a day",
            "499.661017 MB x 2 channels x 10 days = 9.99322 GB"
        ]
    );
}

#[test]
fn beyond_the_longest_row_the_answer_says_that_it_goes_on_in_proportion() {
    let mut profile = built_in("rtc-server").unwrap();
    profile.sizing.as_mut().unwrap().recordings.retain(|r| r.minutes <= 60);
    let stored = size(&profile, asked(1, "medium", 2.0, 1), "1").unwrap().recording.documented.unwrap();
    assert_eq!(stored.channel_day_megabytes, 300.0);
    assert!(stored.steps[0].starts_with("beyond the longest row, in proportion"), "{}", stored.steps[0]);
}

#[test]
fn ultra_has_no_column_so_its_storage_is_marked_as_our_own() {
    let ultra = sizes(1, "ultra", 1.0, 1);
    assert_eq!(ultra.recording.documented, None);
    let own = &ultra.recording.by_rate;
    // 2 x 512 kbit/s x 3600 s / 8 = 460.8 MB.
    assert_eq!((own.origin, own.channel_day_megabytes), (Origin::OwnReckoning, 460.8));
    let told = |words: &str| ultra.notes.iter().any(|n| n.about == About::Recording && n.text.contains(words));
    assert!(told("no column for mode `ultra`"));
    // High has 1 GB in the table.
    assert!(told("lesser mode `high`") && told("1 GB, which is more"));
}

#[test]
fn where_the_document_disagrees_with_itself_both_rows_are_shown() {
    let notes = |mode: &str| sizes(60, mode, 24.0, 30).notes;
    let both = |mode: &str, rows: [&str; 2]| {
        let cites =
            |n: &crate::model::sizing::Note| rows.iter().all(|row| n.sources.iter().any(|s| s.row.contains(row)));
        assert!(notes(mode).iter().any(cites), "{mode}: {rows:?}");
    };
    both("medium", ["128 kbps | 640x480 @ 30 fps | Excellent", "Acceptable | 128 |"]);
    both("medium", ["at 640x400 resolution", "128 kbps | 640x480"]);
    both("low", ["Low | <80 kbps", "Acceptable | >80 kbps"]);
    both("low", ["Format: 640x480", "320x240"]);
    both("high", ["High | >256 kbps", "Excellent | <256"]);
    both("high", ["High | >256 kbps", "24 Gb"]);
    both("high", ["16 Mb", "1 Gb"]);
    both("ultra", ["Debian 11.X", "Debian 9-11"]);
    assert!(notes("low").iter().all(|n| !n.sources.is_empty() && !n.text.contains("High")));
}

#[test]
fn what_cannot_be_answered_is_a_sentence() {
    assert!(refusal(asked(0, "medium", 24.0, 30)).starts_with("--channels 0: "));
    assert!(refusal(asked(u32::MAX, "medium", 24.0, 30)).contains("1 to 1000000"));
    for hours in [-1.0, 24.1, f64::NAN, f64::INFINITY] {
        assert!(refusal(asked(1, "medium", hours, 30)).contains("from 0 to 24"), "{hours}");
    }
    assert!(refusal(asked(1, "medium", 24.0, 0)).starts_with("--days 0: "));
    assert!(refusal(asked(1, "medium", 24.0, u32::MAX)).contains("1 to 3660"));
    assert_eq!(
        refusal(asked(1, "best", 24.0, 30)),
        "no mode `best` in profile `rtc-server`: give one of low, medium, high, ultra"
    );
    let agent = size(&built_in("agent").unwrap(), asked(1, "medium", 24.0, 30), "1").unwrap_err();
    assert_eq!(agent.to_string(), "profile `agent` has no table of sizes: its document says nothing on sizes");
}

#[test]
fn a_profile_of_ones_own_brings_its_own_rows() {
    let text = r#"
        name = "mine"
        title = "Mine"
        extend = "rtc-server"
        [[sizing.servers]]
        channels = 30
        cores = 1
        memory_gb = 2.5
        models = ["S"]
        source = { document = "Ours", section = "Servers", row = "30" }
        [[sizing.servers]]
        channels = 500
        cores = "16-32"
        memory_gb = 64
        models = ["XL"]
        source = { document = "Ours", section = "Servers", row = "500" }
    "#;
    let profile = load("mine.toml", text).unwrap();
    let of = |channels| size(&profile, asked(channels, "medium", 24.0, 30), "1").unwrap().server;
    assert_eq!((of(30).memory_gb, of(30).cores_most), (2.5, 1));
    assert_eq!((of(60).memory_gb, of(241).machines[0].source.row.as_str()), (8.0, "500"));
}

fn plans() -> impl Strategy<Value = (u32, u32, f64, u32)> {
    (0..4u32, 1..=MOST_CHANNELS, 0.0..=24.0f64, 1..=MOST_DAYS)
}

/// What must not shrink when a plan grows.
fn figures(sizes: &Sizes) -> Vec<f64> {
    let (server, line) = (&sizes.server, &sizes.bandwidth.mode.server);
    let mut all = vec![f64::from(server.channels), f64::from(server.cores_least), f64::from(server.cores_most)];
    all.extend([server.memory_gb, line.up_kbps, line.down_kbps, line.up_ip_kbps_v4, line.up_ip_kbps_v6]);
    for stored in sizes.recording.documented.iter().chain([&sizes.recording.by_rate]) {
        all.extend([stored.channel_day_megabytes, stored.day_gigabytes, stored.total_gigabytes]);
    }
    all
}

proptest! {
    #[test]
    fn a_larger_plan_needs_no_less((mode, channels, hours, days) in plans(), more in (0..500u32, 0.0..4.0f64, 0..90u32)) {
        let mode = ["low", "medium", "high", "ultra"][mode as usize];
        let (small, large) = (
            sizes(channels, mode, hours, days),
            sizes((channels + more.0).min(MOST_CHANNELS), mode, (hours + more.1).min(24.0), (days + more.2).min(MOST_DAYS)),
        );
        prop_assert!(small.server.channels >= channels);
        for (a, b) in figures(&small).into_iter().zip(figures(&large)) {
            prop_assert!(a.is_finite() && a >= 0.0 && b >= a, "{} {}", a, b);
        }
    }

    #[test]
    fn no_number_overflows(channels: u32, hours: f64, days: u32) {
        let profile = built_in("rtc-server").unwrap();
        if let Ok(sizes) = size(&profile, asked(channels, "high", hours, days), "1") {
            prop_assert!(figures(&sizes).iter().all(|n| n.is_finite()));
            prop_assert!(sizes.server.channels >= channels);
        }
    }
}
