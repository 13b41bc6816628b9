//! Answers as they are drawn: whole pages, widths, and text that would be markup.

use super::*;
use crate::model::sizing::{
    About, Asked, BandwidthNeed, Line, Machines, ModeRow, ModelRow, Note, Origin, PlatformRow, RateOp, Rates,
    RecordingNeed, SIZING_SCHEMA, ServerNeed, Stored,
};
use crate::model::{Source, ToolInfo};
use crate::report::text::width;

fn source(section: &str, row: &str) -> Source {
    Source { document: "A Document (2020)".into(), section: section.into(), row: row.into() }
}

fn line(streams: u32, kbps: f64) -> Line {
    let (rate, v4, v6) = (f64::from(streams) * kbps, 1.25, 1.5);
    Line {
        up_streams: streams,
        down_streams: streams,
        up_kbps: rate,
        down_kbps: rate,
        up_ip_kbps_v4: rate * v4,
        down_ip_kbps_v4: rate * v4,
        up_ip_kbps_v6: rate * v6,
        down_ip_kbps_v6: rate * v6,
    }
}

fn rates(op: RateOp, kbps: f64, channels: u32) -> Rates {
    Rates {
        op,
        stream_kbps: kbps,
        resolution: "640x480".into(),
        server: line(2 * channels, kbps),
        site: line(channels, kbps),
        source: source("Modes", &format!("{kbps}")),
    }
}

fn stored(origin: Origin, op: RateOp, megabytes: f64) -> Stored {
    Stored {
        origin,
        op,
        stream_kbps: 300.0,
        channel_day_megabytes: megabytes,
        day_gigabytes: megabytes * 0.25,
        total_gigabytes: megabytes * 0.25 * 90.0,
        steps: vec!["one step".into(), "and another".into()],
        sources: vec![source("Recording", "1 h | 1 Gb")],
    }
}

fn machines(count: u32, channels: u32, names: &[&str]) -> Machines {
    let model = |name: &&str| ModelRow {
        name: (*name).into(),
        title: "Some".into(),
        cloud: "AWS".into(),
        reference: format!("t2.{}", name.to_lowercase()),
        source: source("Models", name),
    };
    Machines {
        count,
        channels,
        cores_least: 1,
        cores_most: count + 1,
        memory_gb: 4.0,
        models: names.iter().map(model).collect(),
        source: source("Servers", &format!("{channels}")),
    }
}

fn sizes() -> Sizes {
    Sizes {
        schema: SIZING_SCHEMA.into(),
        tool: ToolInfo { name: "rtc-check".into(), version: "1.2.3".into() },
        profile: "mine".into(),
        asked: Asked { channels: 270, mode: "high".into(), hours_per_day: 1.5, days: 90 },
        mode: ModeRow {
            name: "high".into(),
            op: RateOp::Above,
            stream_kbps: 256.0,
            resolution: "640x480".into(),
            fps: 30,
            quality: "Excellent".into(),
            source: source("Modes", "256"),
        },
        server: ServerNeed {
            servers: 2,
            channels: 270,
            cores_least: 2,
            cores_most: 4,
            memory_gb: 8.0,
            machines: vec![machines(1, 240, &["L", "XL"]), machines(1, 30, &["S"])],
        },
        bandwidth: BandwidthNeed {
            mode: rates(RateOp::Above, 256.0, 270),
            recommended: Some(rates(RateOp::Exactly, 128.0, 270)),
            assumptions: vec!["Every call crosses the server.".into()],
        },
        recording: RecordingNeed {
            documented: Some(stored(Origin::Document, RateOp::Above, 1500.0)),
            by_rate: stored(Origin::OwnReckoning, RateOp::Above, 345.5),
        },
        platform: vec![PlatformRow { name: "kernel".into(), need: "x86_64".into(), source: source("OS", "x86_64") }],
        notes: vec![Note {
            about: About::Recording,
            text: "Two tables – two rates.".into(),
            sources: vec![source("Recording", "1 h | 1 Gb"), source("Modes", "256")],
        }],
    }
}

#[test]
fn pages() {
    insta::assert_snapshot!("table", render(&sizes(), Format::Table, &Style::default()));
    let style = Style { width: 120, colour: true, unicode: true };
    insta::assert_snapshot!("table_of_a_terminal", render(&sizes(), Format::Table, &style));
    insta::assert_snapshot!("markdown", render(&sizes(), Format::Markdown, &style));
}

#[test]
fn one_channel_for_one_day_has_no_sums_of_many() {
    let mut one = sizes();
    (one.asked.channels, one.asked.days, one.server.servers) = (1, 1, 1);
    one.recording.documented = None;
    one.bandwidth.recommended = Some(one.bandwidth.mode.clone());
    let text = render(&one, Format::Table, &Style::default());
    assert!(text.contains("sizes for 1 channel, ") && text.contains("for 1 day\n"), "{text}");
    assert!(
        !text.contains("together") && !text.contains("a channel a day") && !text.contains("recommended  "),
        "{text}"
    );
    assert!(text.contains("is also the least that the document recommends for every stream"), "{text}");
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for columns in [40, 60, 80, 100, 160] {
        for unicode in [false, true] {
            let text = render(&sizes(), Format::Table, &Style { width: columns, colour: false, unicode });
            assert!(text.lines().all(|l| width(l) <= columns && l.trim_end() == l), "{columns}\n{text}");
            assert!(unicode || text.is_ascii(), "{text}");
        }
    }
}

#[test]
fn text_of_a_profile_is_neither_markup_nor_a_command_to_the_terminal() {
    let mut evil = sizes();
    evil.notes[0].text = "a | b <script>alert(1)</script> [x](http://e) \u{1b}[31m\n# head".into();
    evil.server.machines[0].models[0].reference = "t2|<b>".into();
    let markdown = render(&evil, Format::Markdown, &Style::default());
    assert!(
        !markdown.contains("<script>") && markdown.contains(r"\[x\](http://e)") && !markdown.contains('\u{1b}'),
        "{markdown}"
    );
    assert!(markdown.contains(r"AWS t2\|\<b\> or t2.xl"), "{markdown}");
    assert!(!markdown.contains("\n# head"));
    assert!(!render(&evil, Format::Table, &Style::default()).contains('\u{1b}'));
    assert!(!render(&evil, Format::Json, &Style::default()).contains('\u{1b}'));
}

#[test]
fn json_is_the_answer_itself() {
    let text = render(&sizes(), Format::Json, &Style::default());
    assert_eq!(serde_json::from_str::<Sizes>(&text).unwrap(), sizes());
    assert!(text.ends_with("}\n"));
}
