//! Any text as a profile: a profile that can be shown, or errors that each have a place and can be printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::profile;

fuzz_target!(|text: &str| {
    match profile::load("fuzz.toml", text) {
        Ok(profile) => drop(serde_json::to_string(&profile).expect("a profile is JSON")),
        Err(diagnostics) => {
            assert!(!diagnostics.list().is_empty());
            let printed = diagnostics.to_string();
            assert!(!printed.chars().any(|c| c.is_control() && c != '\n'), "{printed:?}");
            for d in diagnostics.list() {
                assert!(d.line >= 1 && d.column >= 1 && d.length >= 1 && d.line <= text.lines().count() + 1, "{d:?}");
            }
        }
    }
});
