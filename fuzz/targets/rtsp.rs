//! Any bytes as what an RTSP server answers: read or refused; its challenge answered and its description read within
//! their bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::wire::rtsp::login::{Challenge, Login};
use rtc_check::wire::rtsp::media::{MOST_CODECS, MOST_MEDIA, media};
use rtc_check::wire::rtsp::{Body, LONGEST_BODY, LONGEST_VALUE, Reading, ok, read};

fuzz_target!(|bytes: &[u8]| {
    let _ = ok(bytes, "fuzz");
    let Reading::Answer(answer, used) = read(bytes) else { return };
    assert!(used <= bytes.len() && (100..600).contains(&answer.status));
    let _ = (answer.cseq(), answer.methods());
    assert!(answer.header("server").is_none_or(|value| value.len() <= LONGEST_VALUE));
    if let Some(challenge) = Challenge::best(answer.values("www-authenticate")) {
        let login = Login { username: "admin", password: "hunter2", method: "DESCRIBE", uri: "rtsp://cam:554/live" };
        if let Ok(authorization) = challenge.answer(login, "c0ffee") {
            assert!(!authorization.contains(['\r', '\n']));
        }
    }
    if let Body::Whole(sdp) = answer.body {
        assert!(sdp.len() <= LONGEST_BODY);
        let media = media(&sdp);
        assert!(media.len() <= MOST_MEDIA && media.iter().all(|m| m.codecs.len() <= MOST_CODECS));
    }
});
