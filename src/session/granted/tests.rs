use super::*;

const NAT: &str = "192.0.2.1";
const FROM: &str = "192.0.2.1:40000";

#[expect(clippy::disallowed_methods, reason = "any instant will do as the start")]
fn start() -> Instant {
    Instant::now()
}

fn ask() -> Ask {
    Ask { kind: Kind::Train, up_kbps: 80, down_kbps: 80, packets_per_second: 50, seconds: 10 }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn from() -> SocketAddr {
    FROM.parse().unwrap()
}

fn limited(change: impl Fn(&mut GrantLimits)) -> Sessions {
    let mut limits = GrantLimits::default();
    change(&mut limits);
    Sessions::new(limits)
}

fn said(denied: Result<Grant, Denied>) -> String {
    match denied.unwrap_err() {
        Denied::Never(why) => format!("400 {why}"),
        Denied::Source(why) => format!("429 {why}"),
        Denied::Busy(why) => format!("503 {why}"),
    }
}

#[test]
fn a_grant_has_a_token_and_an_identifier() {
    let mut sessions = limited(|_| {});
    let grant = sessions.grant(&ask(), ip(NAT), 0xABCD_0000_0000_0000_00FF, start()).unwrap();
    assert_eq!((grant.ssid, grant.token.as_str(), grant.token(), grant.seconds), {
        (0xABCD, "00000000000000ff", Some(255), 10)
    });
    // 80 kbit/s for 10 s, a fifth more, and 2 s.
    assert_eq!(grant.bytes, 100_000 + 20_000 + 20_000);
    assert_eq!(sessions.grant(&ask(), ip(NAT), 1, start()).unwrap().ssid, 1, "never 0");
    assert!(said(sessions.grant(&ask(), ip(NAT), 1, start())).starts_with("503 "), "a token in use");
    assert!(said(sessions.grant(&ask(), ip(NAT), 0, start())).starts_with("503 "), "no token");
}

#[test]
fn the_first_datagram_binds_a_session_to_its_source() {
    let (mut sessions, now) = (limited(|_| {}), start());
    sessions.grant(&ask(), ip(NAT), 7, now).unwrap();
    assert!(sessions.claim(8, Kind::Train, from(), now).is_none(), "another token");
    assert!(sessions.claim(7, Kind::Flow, from(), now).is_none(), "another kind");
    assert!(sessions.claim(7, Kind::Train, from(), now).is_some());
    assert!(sessions.claim(7, Kind::Train, "192.0.2.1:40001".parse().unwrap(), now).is_none());
    assert!(sessions.claim(7, Kind::Train, from(), now).is_some());
}

#[test]
fn time_ends_a_session() {
    let (mut sessions, now) = (limited(|l| l.sessions = 1), start());
    let after = |seconds: f64| now + Duration::from_secs_f64(seconds);
    sessions.grant(&ask(), ip(NAT), 1, now).unwrap();
    assert!(sessions.claim(1, Kind::Train, from(), after(3.1)).is_none(), "not used in three seconds");
    sessions.grant(&ask(), ip(NAT), 2, after(17.5)).unwrap();
    assert!(sessions.claim(2, Kind::Train, from(), after(20.0)).is_some());
    assert_eq!((sessions.len(after(22.0)), sessions.len(after(22.1))), (1, 0));
    assert!(said(sessions.grant(&ask(), ip(NAT), 3, after(22.0))).starts_with("429 "));
    assert!(sessions.claim(2, Kind::Train, from(), after(25.0)).is_some(), "an outage; nobody wanted its place");
    for second in 26..=32 {
        assert!(sessions.claim(2, Kind::Train, from(), after(second.into())).is_some(), "{second}");
    }
    assert!(sessions.claim(2, Kind::Train, from(), after(32.1)).is_none(), "12 s after its first");
    sessions.grant(&ask(), ip(NAT), 3, after(32.1)).unwrap();
    sessions.claim(3, Kind::Train, from(), after(33.0)).unwrap();
    sessions.grant(&ask(), ip(NAT), 4, after(35.1)).unwrap();
    assert!(sessions.claim(3, Kind::Train, from(), after(35.2)).is_none(), "its place is another's");
}

#[test]
fn what_is_too_much_is_refused_with_its_numbers_and_the_flag() {
    let now = start();
    let never = |change: fn(&mut Ask), flag: &str, numbers: [&str; 2]| {
        let mut ask = ask();
        change(&mut ask);
        let why = said(limited(|_| {}).grant(&ask, ip(NAT), 9, now));
        assert!(why.starts_with("400 ") && why.contains(flag) && numbers.iter().all(|n| why.contains(n)), "{why}");
    };
    never(|a| a.up_kbps = 20_001, "--max-session-kbps", ["20000", "20001"]);
    never(|a| a.down_kbps = 90_000, "--max-session-kbps", ["20000", "90000"]);
    never(|a| a.seconds = 61, "--max-session-seconds", ["60", "61"]);
    never(|a| a.packets_per_second = 60_001, "--max-session-packets", ["60000", "60001"]);
    let huge: fn(&mut Ask) = |a| {
        (a.kind, a.down_kbps, a.up_kbps, a.seconds, a.packets_per_second) = (Kind::Flow, 20_000, 1, 60, 100);
    };
    let mut ask_huge = ask();
    huge(&mut ask_huge);
    assert_eq!(limited(|_| {}).grant(&ask_huge, ip(NAT), 9, now).unwrap().bytes, 185_000_000);
    assert!(said(limited(|l| l.session_bytes = 1000).grant(&ask(), ip(NAT), 9, now)).contains("--max-session-bytes"));
    assert!(said(limited(|l| l.kbps = 79).grant(&ask(), ip(NAT), 9, now)).contains("--max-kbps"));
    never(|a| (a.up_kbps, a.down_kbps) = (0, 0), "rate", ["0", "0"]);
    never(|a| a.packets_per_second = 0, "packets", ["0", "0"]);
    never(|a| a.seconds = 0, "seconds", ["0", "0"]);
}

#[test]
fn all_together_have_limits_and_a_source_has_a_quarter_of_the_sessions() {
    let (now, other) = (start(), ip("2001:db8::1"));
    let mut sessions = limited(|l| l.sessions = 8);
    sessions.grant(&ask(), ip(NAT), 1, now).unwrap();
    sessions.grant(&ask(), ip(NAT), 2, now).unwrap();
    let why = said(sessions.grant(&ask(), ip(NAT), 3, now));
    assert!(why.starts_with("429 192.0.2.1 holds 2 sessions"), "{why}");
    sessions.grant(&ask(), other, 3, now).unwrap();
    for (n, source) in ["192.0.2.2", "192.0.2.2", "192.0.2.3", "192.0.2.3", "2001:db8::2"].iter().enumerate() {
        sessions.grant(&ask(), ip(source), 4 + n as u128, now).unwrap();
    }
    let why = said(sessions.grant(&ask(), ip("192.0.2.9"), 99, now));
    assert!(why.starts_with("503 all 8 sessions are in use"), "{why}");

    let mut sessions = limited(|l| l.kbps = 200);
    sessions.grant(&ask(), ip(NAT), 1, now).unwrap();
    sessions.grant(&ask(), ip(NAT), 2, now).unwrap();
    let why = said(sessions.grant(&ask(), ip(NAT), 3, now));
    assert!(why.starts_with("503 of 200 kbit/s for all sessions 40 are free"), "{why}");
    sessions.end(2);
    sessions.grant(&ask(), ip(NAT), 3, now).unwrap();

    let mut sessions = limited(|l| l.packets_per_second = 80);
    sessions.grant(&ask(), ip(NAT), 1, now).unwrap();
    let why = said(sessions.grant(&ask(), ip(NAT), 3, now));
    assert!(why.starts_with("503 of 80 packets a second for all sessions 30 are free"), "{why}");
}

#[test]
fn a_source_has_a_quarter_of_the_rates_and_one_session_in_any_case() {
    let (now, other) = (start(), ip("2001:db8::1"));
    let wide = Ask { kind: Kind::Flow, up_kbps: 20_000, down_kbps: 1000, packets_per_second: 3000, seconds: 10 };
    let mut sessions = limited(|_| {});
    sessions.grant(&wide, ip(NAT), 1, now).unwrap();
    sessions.grant(&wide, ip(NAT), 2, now).unwrap();
    let why = said(sessions.grant(&wide, ip(NAT), 3, now));
    assert!(why.starts_with("429 192.0.2.1 holds 40000 kbit/s, one source may hold 50000"), "{why}");
    sessions.grant(&Ask { up_kbps: 10_000, ..wide }, ip(NAT), 3, now).unwrap();
    sessions.grant(&wide, other, 4, now).unwrap();

    let many = Ask { packets_per_second: 10_000, up_kbps: 100, down_kbps: 100, ..wide };
    let mut sessions = limited(|_| {});
    sessions.grant(&many, ip(NAT), 1, now).unwrap();
    let why = said(sessions.grant(&many, ip(NAT), 2, now));
    assert!(why.starts_with("429 192.0.2.1 holds 10000 packets a second, one source may hold 15000"), "{why}");
    sessions.grant(&many, other, 2, now).unwrap();

    // A quarter of these is less than one session.
    let mut sessions = limited(|l| (l.kbps, l.packets_per_second) = (25_000, 4000));
    sessions.grant(&Ask { packets_per_second: 2300, ..wide }, ip(NAT), 1, now).unwrap();
}

#[test]
fn a_session_may_use_a_fifth_more_than_it_was_granted() {
    let (mut sessions, now) = (limited(|_| {}), start());
    let mut wanted = ask();
    (wanted.packets_per_second, wanted.seconds) = (100, 60);
    sessions.grant(&wanted, ip(NAT), 1, now).unwrap();
    // Four times as many packets as granted, for five seconds.
    let admitted = |sessions: &mut Sessions, bytes: usize| {
        let admit = |n: u64| {
            let at = now + Duration::from_micros(n * 2500);
            let session = sessions.claim(1, Kind::Train, from(), at).unwrap();
            usize::from(session.admit(at, bytes, bytes))
        };
        (0..2000).map(admit).sum::<usize>()
    };
    let few = admitted(&mut sessions, 40);
    assert!((600..=730).contains(&few), "120 a second and as many at once: {few}");
    let mut sessions = limited(|_| {});
    sessions.grant(&wanted, ip(NAT), 1, now).unwrap();
    let few = admitted(&mut sessions, 1400) * 1400;
    assert!((60_000..=128_000).contains(&few), "12,000 bytes a second and 64 KiB at once: {few}");
}

#[test]
fn bytes_are_bounded_over_the_whole_session() {
    let (mut sessions, now) = (limited(|l| l.session_bytes = 100_000), start());
    sessions.grant(&ask(), ip(NAT), 1, now).unwrap();
    let session = sessions.claim(1, Kind::Train, from(), now).unwrap();
    assert!(session.spend(99_900) && !session.spend(101) && session.spend(100) && !session.spend(1));
    assert!(!session.admit(now, 44, 44));
}
