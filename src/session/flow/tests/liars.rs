//! Responders that die, lie or are not there.

use super::*;

#[test]
fn a_responder_that_dies_or_is_not_there_ends_the_session() {
    let mut line = Line::new(wide(MS), wide(MS), grant(1000, 60));
    line.dies_at = 2 * S;
    let mut client = Client::new(TOKEN, false, vec![offer(500.0, 500.0, 20)], 0);
    let ended = run(&mut line, &mut client, 60 * S);
    assert!(ended < 5 * S, "{}", ended / MS);
    let (parts, ending, _) = client.finish();
    assert_eq!(ending, Ending::Vanished);
    assert!(parts[0].went_down.received > 0 && !parts[0].known);
    let mut line = Line::new(wide(MS), wide(MS), grant(1000, 60));
    line.dies_at = 0;
    let mut client = Client::new(TOKEN, false, vec![offer(500.0, 500.0, 20)], 0);
    let ended = run(&mut line, &mut client, 60 * S);
    assert!(ended <= 2 * S + S / 4);
    assert_eq!(client.finish().1, Ending::Unanswered);
}

#[test]
fn a_responder_that_lies_is_not_believed() {
    let mut client = Client::new(TOKEN, false, vec![offer(500.0, 500.0, 2)], 0);
    let mut buf = [0; LONGEST];
    let say = |client: &mut Client, now, kind, cookie, body: &Body| {
        let mut bytes = [0; LONGEST];
        let head = crate::wire::flow::Head { kind, stage: 0, token: TOKEN, cookie, time: u64::MAX };
        let len = crate::wire::flow::write(&mut bytes, &head, body, 0).unwrap();
        client.on_datagram(now, &bytes[..len]);
    };
    say(&mut client, 1, Kind::Welcome, 9, &Body::Welcome);
    for ms in 0..4000u64 {
        let now = ms * MS;
        while client.poll_transmit(now, &mut buf).is_some() {}
        let told = crate::wire::flow::Feedback {
            number: ms as u32,
            expected: u32::MAX,
            received: u32::MAX,
            bytes: u64::MAX,
            mean_delay: i64::MIN,
            delays: 1,
            ..Default::default()
        };
        say(&mut client, now, Kind::Feedback, 9, &Body::Feedback(told));
        say(&mut client, now, Kind::Pong, 9, &Body::Pong { number: 1_000_000, echoed: 0 });
        say(&mut client, now, Kind::Data, 9, &Body::Data { seq: u32::MAX });
        say(&mut client, now, Kind::Data, 8, &Body::Data { seq: 1 });
    }
    let (parts, _, sums) = client.finish();
    assert!(sums.lies > 1000);
    assert_eq!(parts[0].went_up.received, 0);
    assert!(parts[0].went_down.received <= 1);
    assert!(parts[0].idle.echoes.is_empty() && parts[0].loaded.echoes.is_empty());
}
