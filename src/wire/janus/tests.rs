use proptest::prelude::*;

use super::*;

fn request(ask: Ask<'_>) -> Request<'_> {
    Request { transaction: "t1", session: Some(7), handle: None, token: None, api_secret: None, ask }
}

fn read(text: &str) -> Says {
    let [one] = decode(text.as_bytes()).unwrap().try_into().unwrap();
    one.says
}

#[test]
fn requests_are_what_the_api_wants() {
    let json = |r: Request<'_>| serde_json::from_str::<Value>(&r.encode()).unwrap();
    let bare = Request { session: None, ..request(Ask::Create) };
    assert_eq!(json(bare), json!({ "janus": "create", "transaction": "t1" }));
    let known = Request { token: Some("t\"k"), api_secret: Some("s"), handle: Some(9), ..request(Ask::Hangup) };
    let want = json!({
        "janus": "hangup", "transaction": "t1", "session_id": 7, "handle_id": 9, "token": "t\"k", "apisecret": "s"
    });
    assert_eq!(json(known), want);
    let offer = json(request(Ask::Offer { sdp: "v=0\r\n" }));
    assert_eq!(offer["janus"], "message");
    assert_eq!(offer["jsep"], json!({ "type": "offer", "sdp": "v=0\r\n" }));
    assert_eq!(offer["body"], json!({ "audio": true, "video": true }));
    let candidate = Candidate { candidate: "candidate:1".to_owned(), sdp_mid: None, sdp_m_line_index: Some(0) };
    let trickle = json(request(Ask::Trickle(&candidate)));
    assert_eq!(trickle["candidate"], json!({ "candidate": "candidate:1", "sdpMLineIndex": 0 }));
    assert_eq!(json(request(Ask::TrickleDone))["candidate"], json!({ "completed": true }));
    assert_eq!(json(request(Ask::Attach(ECHO_TEST)))["plugin"], "janus.plugin.echotest");
}

#[test]
fn what_janus_1_1_2_says_is_read() {
    let info = r#"{"janus":"server_info","transaction":"t","name":"Janus WebRTC Server","version":1102,"version_string":"1.1.2",
        "plugins":{"janus.plugin.echotest":{"name":"x"},"janus.plugin.audiobridge":{}}}"#;
    let Says::ServerInfo(info) = read(info) else { panic!("no info") };
    assert_eq!((info.version, info.version_string.as_deref()), (Some(1102), Some("1.1.2")));
    assert_eq!(info.plugins, ["janus.plugin.audiobridge", "janus.plugin.echotest"]);
    assert_eq!(
        read(r#"{"janus":"success","transaction":"t","data":{"id":6543210987654321}}"#),
        Says::Success(Some(6543210987654321))
    );
    assert_eq!(read(r#"{"janus":"ack","session_id":1,"transaction":"t"}"#), Says::Ack);
    let error = r#"{"janus":"error","transaction":"t","error":{"code":403,"reason":"Unauthorized request"}}"#;
    assert_eq!(read(error), Says::Error(ServerError { code: 403, reason: "Unauthorized request".to_owned() }));
    let event = r#"{"janus":"event","session_id":1,"sender":2,"transaction":"t","plugindata":{"plugin":"janus.plugin.echotest",
        "data":{"echotest":"event","result":"ok"}},"jsep":{"type":"answer","sdp":"v=0"}}"#;
    let jsep = Some(Jsep { kind: "answer".to_owned(), sdp: "v=0".to_owned() });
    assert_eq!(read(event), Says::Event(Event { error: None, jsep }));
    let refused =
        r#"{"janus":"event","sender":2,"plugindata":{"data":{"echotest":"event","error_code":412,"error":"Invalid"}}}"#;
    let Says::Event(event) = read(refused) else { panic!("no event") };
    assert_eq!(event.error.map(|e| e.code), Some(412));
    assert_eq!(read(r#"{"janus":"webrtcup","session_id":1,"sender":2}"#), Says::WebrtcUp);
    let media = r#"{"janus":"media","session_id":1,"sender":2,"mid":"1","type":"video","receiving":false}"#;
    assert_eq!(read(media), Says::Media { video: true, receiving: false });
    let slow = r#"{"janus":"slowlink","session_id":1,"sender":2,"mid":"0","media":"audio","uplink":true,"lost":12}"#;
    assert_eq!(read(slow), Says::SlowLink { video: false, uplink: true, lost: 12 });
    assert_eq!(
        read(r#"{"janus":"hangup","session_id":1,"sender":2,"reason":"ICE failed"}"#),
        Says::Hangup("ICE failed".to_owned())
    );
    assert_eq!(read(r#"{"janus":"keepalive"}"#), Says::KeepAlive);
    assert_eq!(read(r#"{"janus":"event_of_tomorrow"}"#), Says::Other("event_of_tomorrow".to_owned()));
}

#[test]
fn candidates_come_alone_in_numbers_and_to_an_end() {
    let one = r#"{"janus":"trickle","sender":2,"candidate":{"sdpMid":"0","sdpMLineIndex":0,"candidate":"1 1 udp 1 192.0.2.1 9 typ host"}}"#;
    let Says::Trickle(trickle) = read(one) else { panic!("no trickle") };
    assert_eq!((trickle.candidates.len(), trickle.completed), (1, false));
    assert_eq!(trickle.candidates[0].sdp_mid.as_deref(), Some("0"));
    let Says::Trickle(trickle) = read(r#"{"janus":"trickle","candidate":{"completed":true}}"#) else {
        panic!("no trickle")
    };
    assert_eq!((trickle.candidates.len(), trickle.completed), (0, true));
    let many = json!({ "janus": "trickle", "candidate": vec![json!({ "candidate": "x" }); 500] }).to_string();
    let Says::Trickle(trickle) = read(&many) else { panic!("no trickle") };
    assert_eq!(trickle.candidates.len(), MOST_CANDIDATES);
}

#[test]
fn what_is_no_message_says_why() {
    for (text, why) in [
        ("", NotJanus::NoJson),
        ("<html>", NotJanus::NoJson),
        ("{}", NotJanus::NoMember),
        ("17", NotJanus::NoMember),
        (r#"{"janus":5}"#, NotJanus::NoMember),
        (r#"{"janus":"error"}"#, NotJanus::Incomplete),
        (r#"{"janus":"trickle"}"#, NotJanus::Incomplete),
        (r#"{"janus":"trickle","candidate":{"candidate":1}}"#, NotJanus::Incomplete),
        (r#"[{"janus":"ack"},{}]"#, NotJanus::NoMember),
    ] {
        assert_eq!(decode(text.as_bytes()), Err(why), "{text}");
    }
    assert_eq!(decode(&vec![b' '; LONGEST + 1]), Err(NotJanus::TooLong));
    assert_eq!(decode("[".repeat(60_000).as_bytes()), Err(NotJanus::NoJson), "as deep as it is long");
}

#[test]
fn a_poll_brings_several_messages_and_no_more_than_a_bound() {
    assert_eq!(decode(br#"[{"janus":"ack"},{"janus":"webrtcup"}]"#).unwrap().len(), 2);
    assert_eq!(decode(br"[]").unwrap(), []);
    let many = json!(vec![json!({ "janus": "ack" }); 1000]).to_string();
    assert_eq!(decode(many.as_bytes()).unwrap().len(), MOST_MESSAGES);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn no_json_of_the_right_members_panics(
        name in "(success|error|event|trickle|media|slowlink|hangup|server_info|[a-z]{0,9})",
        key in "(data|error|candidate|jsep|plugindata|type|plugins|sender|session_id)",
        value in "(1|-1|1e300|\"x\"|null|true|\\[\\]|\\{\\}|\\{\"id\":2\\}|\\{\"code\":1\\}|\\[\\{\"candidate\":\"c\"\\}\\])",
    ) {
        let _ = decode(format!("{{\"janus\":\"{name}\",\"{key}\":{value}}}").as_bytes());
    }

    #[test]
    fn any_secret_and_sdp_stay_one_json_string(token in ".{0,40}", sdp in "(?s).{0,200}") {
        let request = Request { token: Some(&token), ..request(Ask::Offer { sdp: &sdp }) };
        let read: Value = serde_json::from_str(&request.encode()).unwrap();
        prop_assert_eq!(&read["token"], &token);
        prop_assert_eq!(&read["jsep"]["sdp"], &sdp);
    }
}
