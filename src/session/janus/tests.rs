//! The machine against scripted servers, in virtual time.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// The machine, and the time.
struct Client {
    machine: Signalling,
    now: Instant,
    said: Vec<Value>,
}

#[expect(clippy::disallowed_methods, reason = "any start will do: nothing waits for it")]
fn start() -> Instant {
    Instant::now()
}

fn credentials(token: Option<&str>, api_secret: Option<&str>) -> Credentials {
    Credentials { token: token.map(Secret::new), api_secret: api_secret.map(Secret::new) }
}

impl Client {
    fn new(credentials: Credentials) -> Self {
        let now = start();
        Self { machine: Signalling::new(credentials, 0xabcd, now), now, said: Vec::new() }
    }

    /// What it sends next, as JSON.
    fn sends(&mut self) -> Value {
        let request = self.machine.poll_transmit().expect("a request");
        let json: Value = serde_json::from_str(&request.text).unwrap();
        assert_eq!(request.session.map(Value::from).unwrap_or_default(), json["session_id"]);
        assert_eq!(request.handle.map(Value::from).unwrap_or_default(), json["handle_id"]);
        self.said.push(json.clone());
        json
    }

    fn hears(&mut self, message: &Value) {
        self.machine.on_message(self.now, message.to_string().as_bytes());
    }

    /// The answer to `to`.
    fn answered(&mut self, to: &Value, mut message: Value) {
        message["transaction"] = to["transaction"].clone();
        self.hears(&message);
    }

    fn happened(&mut self) -> Vec<Happening> {
        std::iter::from_fn(|| self.machine.poll_happening()).collect()
    }

    fn after(&mut self, time: Duration) {
        self.now += time;
        self.machine.on_time(self.now);
    }

    /// Up to the offer, by the book.
    fn offered(credentials: Credentials) -> (Self, Value) {
        let mut client = Self::new(credentials);
        let info = client.sends();
        client.answered(&info, json!({ "janus": "server_info", "name": "Janus", "version": 1102 }));
        client.machine.call(client.now);
        let create = client.sends();
        client.answered(&create, json!({ "janus": "success", "data": { "id": 11 } }));
        let attach = client.sends();
        client.answered(&attach, json!({ "janus": "success", "session_id": 11, "data": { "id": 22 } }));
        let happened = client.happened();
        assert!(matches!(happened.as_slice(), [Happening::Info(_), Happening::Session(11), Happening::Attached]));
        client.machine.offer("v=0", client.now);
        let offer = client.sends();
        client.answered(&offer, json!({ "janus": "ack", "session_id": 11 }));
        assert_eq!(client.happened(), []);
        (client, offer)
    }
}

fn answer() -> Value {
    json!({
        "janus": "event", "session_id": 11, "sender": 22,
        "plugindata": { "plugin": ECHO_TEST, "data": { "echotest": "event", "result": "ok" } },
        "jsep": { "type": "answer", "sdp": "v=0 answer" },
    })
}

fn trickle(candidate: &str) -> Value {
    json!({ "janus": "trickle", "session_id": 11, "sender": 22, "candidate": { "candidate": candidate, "sdpMid": "0" } })
}

fn names(happened: &[Happening]) -> Vec<String> {
    let name = |h: &Happening| match h {
        Happening::Candidate(c) => c.candidate.clone(),
        other => format!("{other:?}").split(['(', ' ']).next().unwrap().to_owned(),
    };
    happened.iter().map(name).collect()
}

fn failure(client: &mut Client) -> Failure {
    match client.happened().as_slice() {
        [Happening::Failed(failure)] => failure.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_by_the_book_ends_with_a_goodbye() {
    let (mut client, offer) = Client::offered(Credentials::default());
    client.answered(&offer, answer());
    for message in ["webrtcup", "media"] {
        client.hears(&json!({ "janus": message, "session_id": 11, "sender": 22, "type": "audio", "receiving": true }));
    }
    assert_eq!(names(&client.happened()), ["Answer", "Up", "Media"]);
    client.machine.leave(client.now);
    let goodbye: Vec<Value> = (0..3).map(|_| client.sends()["janus"].clone()).collect();
    assert_eq!(goodbye, ["hangup", "detach", "destroy"]);
    client.hears(&json!({ "janus": "hangup", "session_id": 11, "sender": 22, "reason": "Close PC" }));
    assert_eq!(client.happened(), [], "its own hangup is no news");
    let destroy = client.said.last().unwrap().clone();
    client.answered(&destroy, json!({ "janus": "success", "session_id": 11 }));
    assert_eq!(client.happened(), [Happening::Over]);
    assert_eq!(client.machine.wake(), None);
}

#[test]
fn candidates_that_come_before_the_answer_are_kept_in_order() {
    let (mut client, offer) = Client::offered(Credentials::default());
    client.hears(&trickle("a"));
    client.hears(&trickle("b"));
    client.hears(&json!({ "janus": "trickle", "sender": 22, "candidate": { "completed": true } }));
    assert_eq!(client.happened(), []);
    client.answered(&offer, answer());
    client.hears(&trickle("c"));
    assert_eq!(names(&client.happened()), ["Answer", "a", "b", "CandidatesDone", "c"]);
}

#[test]
fn early_candidates_are_bounded() {
    let (mut client, offer) = Client::offered(Credentials::default());
    for n in 0..1000 {
        client.hears(&trickle(&n.to_string()));
    }
    client.answered(&offer, answer());
    assert_eq!(client.happened().len(), 1 + MOST_CANDIDATES);
}

#[test]
fn every_request_but_the_first_bears_the_credentials() {
    let (mut client, _) = Client::offered(credentials(Some("tok"), Some("sec")));
    client.machine.candidate(Some(&Candidate::default()));
    client.machine.candidate(None);
    client.machine.leave(client.now);
    while client.machine.outgoing.front().is_some() {
        client.sends();
    }
    let (first, others) = client.said.split_first().unwrap();
    assert_eq!((&first["janus"], &first["token"], &first["apisecret"]), (&json!("info"), &Value::Null, &Value::Null));
    assert!(others.len() == 8 && others.iter().all(|r| r["token"] == "tok" && r["apisecret"] == "sec"), "{others:?}");
    let transactions: std::collections::HashSet<_> = client.said.iter().map(|r| r["transaction"].to_string()).collect();
    assert_eq!(transactions.len(), client.said.len());
}

#[test]
fn each_error_has_its_sentence() {
    let error = |code: i64, reason: &str| json!({ "janus": "error", "error": { "code": code, "reason": reason } });
    for (given, code, kind, words) in [
        (
            None,
            403,
            FailureKind::NoCredentials,
            "Janus answers error 403 (no) to create: it wants a token or an API secret, and none was given: set RTC_CHECK_JANUS_TOKEN or RTC_CHECK_JANUS_APISECRET",
        ),
        (Some("x"), 403, FailureKind::ServerError, "to create: it does not take the token given"),
        (Some("x"), 405, FailureKind::ServerError, "the token that was given may not use the plugin"),
        (None, 460, FailureKind::NoPlugin, "Janus answers error 460 (no) to create"),
        (None, 490, FailureKind::ServerError, "Janus answers error 490 (no) to create"),
    ] {
        let mut client = Client::new(credentials(given, None));
        let info = client.sends();
        client.answered(&info, json!({ "janus": "server_info" }));
        client.machine.call(client.now);
        let create = client.sends();
        client.happened();
        client.answered(&create, error(code, "no"));
        let failure = failure(&mut client);
        assert_eq!((failure.step, failure.kind), (Step::Offer, kind), "{code}");
        assert!(failure.detail.contains(words), "{}", failure.detail);
    }
}

#[test]
fn what_a_connection_must_not_bear_is_not_sent_and_its_refusal_says_so() {
    let mut client = Client::new(credentials(Some("tok"), Some("sec")));
    client.machine = client.machine.without_credentials();
    let info = client.sends();
    client.answered(&info, json!({ "janus": "server_info" }));
    client.machine.call(client.now);
    let create = client.sends();
    assert_eq!((&create["token"], &create["apisecret"]), (&Value::Null, &Value::Null));
    client.happened();
    client.answered(&create, json!({ "janus": "error", "error": { "code": 403, "reason": "no" } }));
    let failure = failure(&mut client);
    assert_eq!(failure.kind, FailureKind::NoCredentials);
    assert!(failure.detail.contains("is not sent without TLS"), "{failure}");
}

#[test]
fn whoever_leaves_hears_that_it_is_over_whatever_was_before() {
    let mut client = Client::new(Credentials::default());
    client.machine.on_message(client.now, b"<html>");
    failure(&mut client);
    client.machine.leave(client.now);
    assert_eq!(client.happened(), [Happening::Over]);
    client.machine.leave(client.now);
    assert_eq!(client.happened(), [Happening::Over], "and again");
    let (mut full, offer) = Client::offered(Credentials::default());
    full.answered(&offer, answer());
    for _ in 0..2 * MOST_EVENTS {
        full.hears(&json!({ "janus": "webrtcup", "sender": 22 }));
    }
    full.machine.leave(full.now);
    full.after(GOODBYE);
    assert_eq!(full.happened().last(), Some(&Happening::Over));
}

#[test]
fn a_plugin_that_refuses_the_offer_is_heard() {
    let (mut client, offer) = Client::offered(Credentials::default());
    let refusal = json!({
        "janus": "event", "session_id": 11, "sender": 22,
        "plugindata": { "data": { "echotest": "event", "error_code": 412, "error": "Invalid element" } },
    });
    client.answered(&offer, refusal);
    let failure = failure(&mut client);
    assert_eq!(failure.detail, "Janus answers error 412 (Invalid element) to message");
}

#[test]
fn an_sdp_of_another_type_is_no_answer() {
    let (mut client, offer) = Client::offered(Credentials::default());
    let mut event = answer();
    event["jsep"]["type"] = json!("offer");
    client.answered(&offer, event);
    assert_eq!(failure(&mut client).kind, FailureKind::BadAnswer);
}

#[test]
fn silence_ends_each_request_in_its_time() {
    let mut client = Client::new(Credentials::default());
    client.sends();
    client.after(PATIENCE - Duration::from_millis(1));
    assert_eq!(client.happened(), []);
    assert_eq!(client.machine.wake(), Some(client.now + Duration::from_millis(1)));
    client.after(Duration::from_millis(1));
    let none = failure(&mut client);
    assert_eq!((none.step, none.kind), (Step::Info, FailureKind::TimedOut));
    assert_eq!(none.detail, "Janus did not answer info in 5.0 s");
    // An acknowledgement is no answer to an offer.
    let (mut client, _) = Client::offered(Credentials::default());
    client.after(PATIENCE);
    assert_eq!(failure(&mut client).detail, "Janus did not answer message in 5.0 s");
}

#[test]
fn a_goodbye_that_nobody_answers_ends_by_itself() {
    let (mut client, _) = Client::offered(Credentials::default());
    client.machine.leave(client.now);
    client.after(GOODBYE);
    assert_eq!(client.happened(), [Happening::Over]);
    let mut nobody = Client::new(Credentials::default());
    nobody.machine.leave(nobody.now);
    assert_eq!(nobody.happened(), [Happening::Over], "where there is no session there is nobody to tell");
}

#[test]
fn what_is_not_janus_is_known_at_once() {
    for text in ["", "<html>hello</html>", "{}", "[1]", "{\"status\":\"ok\"}"] {
        let mut client = Client::new(Credentials::default());
        client.machine.on_message(client.now, text.as_bytes());
        let failure = failure(&mut client);
        assert_eq!((failure.step, failure.kind), (Step::Info, FailureKind::Garbage), "{text}");
    }
    // A WebSocket that sends back what it gets.
    let mut client = Client::new(Credentials::default());
    let info = client.sends();
    client.hears(&info);
    let failure = failure(&mut client);
    assert_eq!(failure.detail, "the server answers with what it was asked: it is no Janus Gateway");
}

#[test]
fn garbage_beside_the_call_decides_nothing() {
    let (mut client, offer) = Client::offered(Credentials::default());
    client.answered(&offer, answer());
    client.happened();
    for _ in 0..1000 {
        client.machine.on_message(client.now, b"\xff\x00 nonsense");
    }
    assert_eq!(client.happened(), []);
}

#[test]
fn messages_of_others_are_not_ours() {
    let (mut client, offer) = Client::offered(Credentials::default());
    client.answered(&json!({ "transaction": "guess" }), json!({ "janus": "error", "error": { "code": 1 } }));
    let mut foreign = answer();
    foreign["sender"] = json!(23);
    client.answered(&offer, foreign);
    client.hears(&json!({ "janus": "hangup", "session_id": 12, "sender": 22, "reason": "x" }));
    assert_eq!(client.happened(), []);
}

#[test]
fn a_session_is_kept_alive_and_its_end_is_told() {
    let (mut client, offer) = Client::offered(Credentials::default());
    client.answered(&offer, answer());
    client.happened();
    client.after(KEEP_ALIVE);
    let sign = client.sends();
    assert_eq!((&sign["janus"], &sign["session_id"]), (&json!("keepalive"), &json!(11)));
    client.hears(&json!({ "janus": "slowlink", "sender": 22, "media": "video", "uplink": false, "lost": 9 }));
    client.hears(&json!({ "janus": "hangup", "session_id": 11, "sender": 22, "reason": "DTLS alert" }));
    let slow = Happening::SlowLink { video: true, lost: 9 };
    assert_eq!(client.happened(), [slow, Happening::HungUp("DTLS alert".to_owned())]);
    client.hears(&json!({ "janus": "timeout", "session_id": 11 }));
    assert_eq!(failure(&mut client).kind, FailureKind::Closed);
}

#[test]
fn a_lost_line_is_told_once() {
    let (mut client, _) = Client::offered(Credentials::default());
    let cut = Failure::new(Step::Request, FailureKind::Reset, "the WebSocket was reset (RST)");
    client.machine.on_lost(cut);
    let told = failure(&mut client);
    assert_eq!((told.step, told.kind), (Step::Offer, FailureKind::Reset));
}

/// Any of what a server may say, well or badly made.
fn anything() -> impl Strategy<Value = Value> {
    let number = prop_oneof![Just(11u64), Just(22), any::<u64>()];
    let name = prop_oneof![
        Just("success"),
        Just("error"),
        Just("ack"),
        Just("event"),
        Just("trickle"),
        Just("webrtcup"),
        Just("hangup"),
        Just("server_info"),
        Just("timeout"),
        Just("detached"),
        Just("slowlink"),
        Just("media"),
    ];
    (name, number.clone(), number, any::<bool>(), 0u32..12).prop_map(|(name, session, sender, jsep, count)| {
        let mut value = json!({
            "janus": name, "session_id": session, "sender": sender, "transaction": format!("{:016x}{count}", 0xabcd),
            "data": { "id": sender }, "error": { "code": 400, "reason": "x" }, "candidate": { "candidate": "c" },
            "type": "audio", "receiving": true, "uplink": true,
        });
        if jsep {
            value["jsep"] = json!({ "type": "answer", "sdp": "v=0" });
        }
        value
    })
}

proptest! {
    #[test]
    fn whatever_a_server_says_the_machine_stays_bounded_and_can_leave(
        all in proptest::collection::vec((anything(), 0u64..3000), 0..60)
    ) {
        let mut client = Client::new(Credentials::default());
        let mut answers = 0;
        for (message, wait) in all {
            client.hears(&message);
            client.after(Duration::from_millis(wait));
            client.machine.call(client.now);
            client.machine.offer("v=0", client.now);
            answers += client.happened().iter().filter(|h| matches!(h, Happening::Answer(_))).count();
            prop_assert!(client.machine.early.len() <= MOST_CANDIDATES);
            while client.machine.poll_transmit().is_some() {}
        }
        prop_assert!(answers <= 1);
        client.machine.leave(client.now);
        client.after(PATIENCE);
        prop_assert!(client.machine.stage == Stage::Over);
    }
}
