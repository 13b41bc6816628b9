//! What a page in a browser tells: bounded, and judged without a panic; what tells nothing passes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::judge::Meta;
use rtc_check::model::{Host, Status};
use rtc_check::web::{self, Around, Scope};

fuzz_target!(|data: &[u8]| {
    let Ok(told) = web::read(data) else { return };
    assert!(told.pages.len() <= 256 && told.browser.agent.chars().count() <= 300);
    let here: Host = "192.0.2.1".parse().unwrap();
    let profile = rtc_check::profile::built_in("agent").unwrap();
    let scope = Scope { served: vec!["rtc".into(), "acd".into()], ..Scope::default() };
    let plan = web::plan(&profile, &scope, &here).unwrap();
    let around = Around { here, address: Some([192, 0, 2, 1].into()), certain: true, peer: true };
    let meta = Meta {
        version: String::new(),
        id: String::new(),
        started: String::new(),
        finished: String::new(),
        duration_ms: 0,
        seed: 0,
        ended: None,
        strict: false,
    };
    let report = web::judge(&plan, &told, &around, &meta);
    if told.pages.is_empty() && told.sockets.is_empty() {
        assert_ne!(report.verdict, Status::Pass);
    }
});
