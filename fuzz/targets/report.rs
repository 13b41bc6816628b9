//! Any text as a saved report: what can be read can be drawn in every format, without control characters, is the same as
//! itself, and can be redacted, after which redacting it again changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::compare::compare;
use rtc_check::model::{Change, Redacted, Report};
use rtc_check::redact::Redactor;
use rtc_check::report::{Format, Style, render};

fuzz_target!(|input: (u8, &str)| {
    let (width, text) = input;
    let Ok(report) = serde_json::from_str::<Report>(text) else { return };
    for format in Format::ALL {
        for unicode in [false, true] {
            let style = Style { width: usize::from(width), colour: false, unicode };
            let drawn = render(&report, *format, &style);
            // CSV ends its lines as RFC 4180 section 2 says; a lone carriage return is a control character there too.
            let drawn = if *format == Format::Csv { drawn.replace("\r\n", "\n") } else { drawn };
            assert!(drawn.ends_with('\n'), "{format}");
            assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{format}: {drawn:?}");
        }
    }
    assert_eq!(compare(("a", &report), ("b", &report)).result, Change::Same);
    let redactor = || Redactor::new([Redacted::Addresses, Redacted::Names]);
    let once = redactor().report(&report).expect("what is redacted is a report");
    assert_eq!(redactor().report(&once).expect("a redacted report is one"), once);
});
