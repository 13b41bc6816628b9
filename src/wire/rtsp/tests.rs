use proptest::prelude::*;

use super::*;

fn answer(bytes: &[u8]) -> Answer {
    match read(bytes) {
        Reading::Answer(answer, used) => {
            assert_eq!(used, bytes.len());
            answer
        }
        other => panic!("{other:?}"),
    }
}

/// RFC 2326 section 10.1.
#[test]
fn the_options_of_the_rfc() {
    let bytes = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP, TEARDOWN, PLAY, PAUSE\r\n\r\n";
    let answer = answer(bytes);
    assert_eq!((answer.status, answer.cseq()), (200, Some(1)));
    assert_eq!(answer.methods(), ["DESCRIBE", "SETUP", "TEARDOWN", "PLAY", "PAUSE"]);
}

/// RFC 2326 section 10.2: its description has 376 bytes.
#[test]
fn the_describe_of_the_rfc() {
    let body = "v=0\r\no=mhandley 2890844526 2890842807 IN IP4 126.16.64.4\r\ns=SDP Seminar\r\nm=audio 3456 RTP/AVP 0\r\n\
                m=video 2232 RTP/AVP 31\r\nm=whiteboard 32416 UDP WB\r\na=orient:portrait\r\n";
    let head = format!(
        "RTSP/1.0 200 OK\r\nCSeq: 312\r\nDate: 23 Jan 1997 15:35:06 GMT\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let answer = answer(format!("{head}{body}").as_bytes());
    assert_eq!((answer.cseq(), answer.header("content-type")), (Some(312), Some("application/sdp")));
    let Body::Whole(sdp) = answer.body else { panic!() };
    let kinds: Vec<_> = media::media(&sdp).into_iter().map(|m| (m.kind, m.codecs.join(" "))).collect();
    let expected = [("audio", "PCMU"), ("video", "H261"), ("whiteboard", "WB")];
    assert_eq!(kinds, expected.map(|(kind, codec)| (kind.to_owned(), codec.to_owned())));
}

#[test]
fn a_request_is_written_as_the_rfc_has_it() {
    let options = Request { method: "OPTIONS", uri: "rtsp://c:554/", cseq: 1, agent: "a/1", authorization: None };
    assert_eq!(options.encode(), "OPTIONS rtsp://c:554/ RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: a/1\r\n\r\n");
    let describe = Request { method: "DESCRIBE", cseq: 2, authorization: Some("Basic eA=="), ..options };
    assert!(describe.encode().ends_with("Accept: application/sdp\r\nAuthorization: Basic eA==\r\n\r\n"));
    assert_eq!(uri("2001:db8::7", 554, "/live"), "rtsp://[2001:db8::7]:554/live");
    assert_eq!(uri("cam.example", 8554, "live?x=1"), "rtsp://cam.example:8554/live?x=1");
    assert!(is_path("/live/1?u=1") && !is_path("/a b") && !is_path("") && !is_path("/x\r\nY: z"));
}

#[test]
fn options_are_answered_and_nothing_else_is() {
    let options = Request { method: "OPTIONS", uri: "rtsp://c:554/", cseq: 9, agent: "a/1", authorization: None };
    let told = answer(ok(options.encode().as_bytes(), "s/1").unwrap().as_bytes());
    assert_eq!((told.status, told.cseq(), told.header("server")), (200, Some(9), Some("s/1")));
    for other in [
        "OPTIONS * RTSP/1.0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nCSeq: 1\r\n\r\n",
        "PLAY * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        "",
    ] {
        assert_eq!(ok(other.as_bytes(), "s"), None, "{other:?}");
    }
}

#[test]
fn headers_are_read_whatever_their_case_fold_or_line_end() {
    let bytes =
        b"\r\nRTSP/2.0 401 Unauthorized\ncseq:  7 \nWWW-Authenticate: Digest realm=\"x\",\n nonce=\"y\"\nnonsense\n\
                  www-authenticate: Basic realm=\"x\"\n\n";
    let answer = answer(bytes);
    assert_eq!((answer.status, answer.cseq()), (401, Some(7)));
    let all: Vec<_> = answer.values("www-authenticate").collect();
    assert_eq!(all, ["Digest realm=\"x\", nonce=\"y\"", "Basic realm=\"x\""]);
}

#[test]
fn half_an_answer_waits_and_another_protocol_does_not() {
    for half in
        ["", "R", "RTSP/1.0 200", "RTSP/1.0 200 OK\r\nCSeq: 1\r\n", "RTSP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nabcd"]
    {
        assert_eq!(read(half.as_bytes()), Reading::More, "{half:?}");
    }
    for other in [&b"HTTP/1.1 400 Bad Request\r\n"[..], b"SSH-2.0-x\r\n", b"$\x00\x00\x10abc", b"\x15\x03\x01", b"RTP"]
    {
        assert_eq!(read(other), Reading::Foreign, "{other:?}");
    }
}

#[test]
fn what_is_malformed_is_told_before_the_rest_comes() {
    for line in ["RTSP/1.0 20 OK\r\n", "RTSP/1.0\r\n", "RTSP/x 200 OK\r\n", "RTSP/1.0 999 x\r\n", "RTSP/1.0 +20 x\r\n"]
    {
        assert_eq!(read(line.as_bytes()), Reading::Malformed(NotRtsp::FirstLine), "{line:?}");
    }
    assert_eq!(read(b"RTSP/1.0 200 OK\r\nA: \0\r\n"), Reading::Malformed(NotRtsp::NoText));
    let length = |value: &str| read(format!("RTSP/1.0 200 OK\r\nContent-Length: {value}\r\n\r\n").as_bytes());
    for bad in ["-1", "1x", "99999999999999999999999"] {
        assert_eq!(length(bad), Reading::Malformed(NotRtsp::Length), "{bad}");
    }
    let flood = [b"RTSP/1.0 200 OK\r\n".as_slice(), &vec![b'x'; LONGEST_HEAD]].concat();
    assert_eq!(read(&flood), Reading::Malformed(NotRtsp::TooLong));
    let lines = [b"RTSP/1.0 200 OK\r\n".as_slice(), &b"A: b\r\n".repeat(MOST_HEADERS + 1)].concat();
    assert_eq!(read(&lines), Reading::Malformed(NotRtsp::TooLong));
}

#[test]
fn a_body_that_claims_too_much_is_left_alone() {
    let answer = answer(b"RTSP/1.0 200 OK\r\nContent-Length: 4294967296\r\n\r\nxx");
    assert_eq!(answer.body, Body::TooLong(4_294_967_296));
}

proptest! {
    #[test]
    fn no_input_panics_and_a_verdict_is_final(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0usize..450) {
        let bytes = [b"RTSP/1.0 200 OK\r\n".as_slice(), &bytes].concat();
        let whole = read(&bytes);
        match bytes.get(..cut).map(read) {
            Some(Reading::Answer(early, _)) if matches!(early.body, Body::Whole(_)) => {
                let same = matches!(&whole, Reading::Answer(late, _) if *late == early);
                prop_assert!(same);
            }
            Some(Reading::Malformed(why)) => prop_assert_eq!(whole, Reading::Malformed(why)),
            _ => {}
        }
    }

    #[test]
    fn any_answer_is_read_back(status in 100u16..600, cseq: u32, value in "[!-~]{0,40}", body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let head = format!("RTSP/1.0 {status} Any\r\nCSeq: {cseq}\r\nX: {value}\r\nContent-Length: {}\r\n\r\n", body.len());
        let bytes = [head.as_bytes(), &body, b"RTSP/1.0 rest"].concat();
        let Reading::Answer(answer, used) = read(&bytes) else { panic!() };
        prop_assert_eq!((answer.status, answer.cseq(), used), (status, Some(cseq), head.len() + body.len()));
        prop_assert_eq!(answer.header("x"), Some(value.as_str()));
        prop_assert_eq!(answer.body, Body::Whole(body));
    }
}
