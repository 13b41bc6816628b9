//! The document's tables of sizes, written down once more and apart from the profile: each row must have become figures
//! that, written in the document's notation, are that row again.

use std::collections::BTreeSet;

use super::{built_in, parse};
use rtc_check::profile::{BUILT_IN, Mode, PlatformKind, Recording, ServerModel, ServerSize, Sizing};

const SERVERS: [&str; 4] = [
    "30 | 1-2 cores | 4 Gb | S-M",
    "60 | 2-4 cores | 8 Gb | M",
    "120 | 4-6 cores | 16 Gb | L",
    "240 | 6-8 cores | 32 Gb | L-XL",
];
const MODELS: [&str; 4] = [
    "S | Small | AWS | t2.small",
    "M | Medium | AWS | t2.medium",
    "L | Large | AWS | t2.large",
    "XL | Extra Large | AWS | t2.xlarge",
];
const MODES: [&str; 4] = [
    "Low | <80 kbps | 320x240 @ 30 fps | Acceptable",
    "Medium | 128 kbps | 640x480 @ 30 fps | Excellent",
    "High | >256 kbps | 640x480 @ 30 fps | Excellent",
    "Ultra | 512 kbps | 1280x870 @ 30 fps | Outstanding",
];
const RECORDINGS: [&str; 4] = [
    "1 min | 1,5 Mb | 2,5 Mb | 16 Mb",
    "1 h (60 min) | 90 Mb | 150 Mb | 1 Gb",
    "1 day (24 h) | 2,16 Gb | 3,6 Gb | 24 Gb",
    "1 month (30 days) | 64,8 Gb | 108 Gb | 720 Gb",
];
const PLATFORM: [&str; 4] = [
    "Distribution | Linux Debian 9-11",
    "Linux Kernel | x86_64",
    "Cloud Ready | AWS, Google Cloud, Microsoft Azure",
    "Installer | Minimal Install",
];

const DOCUMENT: &str = "Interactive Powers, Video RTC: System Requirements (2020-01-11)";

fn sizing() -> Sizing {
    built_in("rtc-server").unwrap().sizing.unwrap()
}

/// Rows in the document's notation, each beside the row that its source names.
#[track_caller]
fn are<T>(
    items: &[T],
    section: &str,
    told: impl Fn(&T) -> String,
    source: impl Fn(&T) -> &rtc_check::model::Source,
    rows: &[&str],
) {
    assert_eq!(items.iter().map(told).collect::<Vec<_>>(), rows);
    assert_eq!(items.iter().map(|i| source(i).row.as_str()).collect::<Vec<_>>(), rows);
    for item in items {
        assert_eq!((source(item).document.as_str(), source(item).section.as_str()), (DOCUMENT, section));
    }
}

#[test]
fn every_row_of_servers_models_and_modes_is_there() {
    let sizing = sizing();
    let server =
        |s: &ServerSize| format!("{} | {} cores | {} Gb | {}", s.channels, s.cores, s.memory_gb, s.models.join("-"));
    are(&sizing.servers, "Server Requirements", server, |s| &s.source, &SERVERS);
    let model = |m: &ServerModel| format!("{} | {} | {} | {}", m.name, m.title, m.cloud, m.reference);
    are(&sizing.models, "Server Models", model, |m| &m.source, &MODELS);
    let mode = |m: &Mode| {
        let name = m.name[..1].to_uppercase() + &m.name[1..];
        format!("{name} | {} | {} @ {} fps | {}", m.rate, m.resolution, m.fps, m.quality)
    };
    are(&sizing.modes, "Default Modes", mode, |m| &m.source, &MODES);
}

#[test]
fn every_row_of_the_platform_is_there() {
    let sizing = sizing();
    let told = |need: &rtc_check::profile::PlatformNeed| match &need.kind {
        PlatformKind::Distribution { id, releases } => {
            format!("Distribution | Linux {}{} {releases}", id[..1].to_uppercase(), &id[1..])
        }
        PlatformKind::Architecture(name) => format!("Linux Kernel | {name}"),
        PlatformKind::Words(words) if need.name == "cloud" => format!("Cloud Ready | {words}"),
        PlatformKind::Words(words) => format!("Installer | {words}"),
        PlatformKind::LatestLts(_) | PlatformKind::Wired => panic!("the document has no such row: {need:?}"),
    };
    are(&sizing.platform, "Operating System Requirements", told, |n| &n.source, &PLATFORM);
}

/// `1,5 Mb`, `2,16 Gb`.
fn size(megabytes: f64) -> String {
    let (number, unit) = if megabytes < 1000.0 { (megabytes, "Mb") } else { (megabytes / 1000.0, "Gb") };
    format!("{number} {unit}").replace('.', ",")
}

#[test]
fn every_cell_of_the_table_of_recordings_is_there() {
    let sizing = sizing();
    let durations =
        [(1, "1 min"), (60, "1 h (60 min)"), (24 * 60, "1 day (24 h)"), (30 * 24 * 60, "1 month (30 days)")];
    for ((minutes, duration), row) in durations.into_iter().zip(RECORDINGS) {
        let cells: Vec<&Recording> = sizing.recordings.iter().filter(|r| r.minutes == minutes).collect();
        let told: Vec<String> = cells.iter().map(|r| size(r.megabytes)).collect();
        assert_eq!(format!("{duration} | {}", told.join(" | ")), row);
        let heads: Vec<String> = cells.iter().map(|r| format!("{} {}", r.mode, r.rate)).collect();
        assert_eq!(heads, ["low <80 kbps", "medium 128 kbps", "high >300 kbps"]);
        assert!(cells.iter().all(|r| r.source.row == row && r.source.section == "Video Recording Sizing"));
    }
    assert_eq!(sizing.recordings.len(), 12);
}

#[test]
fn the_recommended_stream_is_there_and_modes_agree_with_the_rows_of_bandwidth() {
    let profile = built_in("rtc-server").unwrap();
    let sizing = sizing();
    let stream = sizing.stream.unwrap();
    assert_eq!((stream.kbps, stream.resolution.to_string().as_str()), (128.0, "640x400"));
    assert_eq!(stream.source, profile.bandwidth[0].source);
    for mode in &sizing.modes {
        let row = profile.bandwidth.iter().find(|b| b.name == format!("mode-{}", mode.name)).unwrap();
        assert_eq!(row.source, mode.source);
        assert_eq!(row.up_kbps.or(row.recommended_up_kbps), Some(mode.rate.kbps));
    }
}

#[test]
fn notes_cite_rows_that_stand_elsewhere_in_the_profiles_or_are_named_here() {
    let sizing = sizing();
    let mut known: BTreeSet<String> =
        [SERVERS, MODELS, MODES, RECORDINGS, PLATFORM].concat().into_iter().map(str::to_owned).collect();
    for (name, _) in BUILT_IN {
        known.extend(built_in(name).unwrap().bandwidth.into_iter().map(|b| b.source.row));
    }
    known.insert("Video RTC platforms are designed to run over a Linux Debian 11.X x86_64 distribution.".to_owned());
    known.insert("Format: 640x480 (2 peers)".to_owned());
    let of_documents = |d: &str| d.starts_with("Interactive Powers");
    for note in &sizing.notes {
        let rows = note.sources.iter().filter(|s| of_documents(&s.document));
        let unknown: Vec<&String> = rows.map(|s| &s.row).filter(|row| !known.contains(*row)).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", note.name);
        assert!(note.sources.len() > 1, "{} has no two sides", note.name);
    }
}

#[test]
fn no_other_document_has_sizes() {
    let sizing = |n: &str| built_in(n).unwrap().sizing.unwrap_or_default();
    let with =
        |is: fn(&Sizing) -> bool| BUILT_IN.iter().map(|(n, _)| *n).filter(|n| is(&sizing(n))).collect::<Vec<_>>();
    assert_eq!(with(|s| !s.servers.is_empty() || !s.modes.is_empty() || !s.recordings.is_empty()), ["rtc-server"]);
    assert_eq!(with(|s| s.platform.iter().any(|n| n.kind == PlatformKind::Wired)), ["dlegate"]);
    assert_eq!(with(|s| s.platform.iter().any(|n| n.kind == PlatformKind::LatestLts("ubuntu".to_owned()))), ["valt"]);
}

#[test]
fn a_file_lays_its_rows_over_those_of_the_document() {
    let profile = parse(
        r#"
        name = "mine"
        title = "Mine"
        extend = "rtc-server"
        [[sizing.models]]
        name = "XS"
        title = "Tiny"
        cloud = "Ours"
        reference = "vm-1"
        source = { document = "Ours", section = "Models", row = "XS" }
        [[sizing.servers]]
        channels = 10
        cores = 1
        memory_gb = 1.5
        models = "XS"
        source = { document = "Ours", section = "Servers", row = "10" }
        [[sizing.recordings]]
        mode = "ultra"
        kbps = 512
        minutes = 60
        megabytes = 2000
        source = { document = "Ours", section = "Recordings", row = "ultra" }
        [sizing.stream]
        kbps = 200
        resolution = "640x480"
        source = { document = "Ours", section = "Streams", row = "200" }
        "#,
    )
    .unwrap();
    let mine = profile.sizing.unwrap();
    let theirs = sizing();
    assert_eq!(mine.servers.iter().map(|s| s.channels).collect::<Vec<_>>(), [10, 30, 60, 120, 240]);
    assert_eq!((mine.servers[0].cores.to_string(), mine.model("XS").unwrap().cloud.as_str()), ("1".to_owned(), "Ours"));
    assert_eq!((mine.recordings.last().unwrap().mode.as_str(), mine.recordings.len()), ("ultra", 13));
    assert_eq!(mine.stream.unwrap().kbps, 200.0);
    assert_eq!((mine.modes, mine.platform, mine.notes), (theirs.modes, theirs.platform, theirs.notes));
}
