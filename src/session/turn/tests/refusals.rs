//! Logins, nonces, errors and forgeries: who is turned away, and is told how.

use super::*;

#[test]
fn wrong_credentials_are_told_after_two_requests() {
    for (user, password) in [("alice", "wrong"), ("bob", "secret")] {
        let mut world = World::new(1, Way::Right);
        let mut plan = plan();
        plan.login =
            Some(Login { username: user.to_owned(), password: crate::model::Secret::new(password), rest: false });
        let (outcome, train) = world.run(plan, 50);
        let error = outcome.error.clone().unwrap();
        assert_eq!((error.code, error.reason.as_str(), error.at), (401, "Unauthorized", At::Allocate));
        assert_eq!(
            (failed(&outcome).kind, world.server.requests[0], train.is_none()),
            (FailureKind::TurnError, 2, true)
        );
        assert!(outcome.asked_to_log_in && !outcome.released);
    }
}

#[test]
fn without_credentials_the_realm_is_told_and_nothing_is_an_error() {
    let mut world = World::new(1, Way::Right);
    let (outcome, _) = world.run(TurnPlan { login: None, ..plan() }, 50);
    assert_eq!((failed(&outcome).kind, outcome.asked_to_log_in), (FailureKind::NoCredentials, true));
    assert_eq!((outcome.error, outcome.realm.as_deref()), (None, Some("example.org")));
    assert_eq!(world.server.requests, [1, 0, 0, 0, 0]);
    let mut world = World::new(1, Way::Open);
    let (outcome, train) = world.run(TurnPlan { login: None, ..plan() }, 50);
    assert_eq!((outcome.ending, outcome.asked_to_log_in, outcome.released), (Ending::Done, false, true));
    assert_eq!(train.unwrap().record.replies.len(), 50);
}

#[test]
fn credentials_that_cannot_be_sent_are_an_error_and_no_panic() {
    for (user, password, word) in [
        ("", "secret", "user name"),
        ("a\u{7}b", "x", "user name"),
        ("alice", "", "password"),
        ("alice", "hid\u{0}den", "password"),
    ] {
        let mut world = World::new(1, Way::Right);
        let login = Login { username: user.to_owned(), password: crate::model::Secret::new(password), rest: false };
        let (outcome, _) = world.run(TurnPlan { login: Some(login), ..plan() }, 50);
        let failure = failed(&outcome);
        assert_eq!(failure.kind, FailureKind::NoCredentials);
        assert!(failure.detail.contains(word) && !format!("{outcome:?}").contains("hid"), "{failure}");
    }
}

#[test]
fn another_realm_is_logged_in_to_once() {
    for method in [method::CREATE_PERMISSION, method::CHANNEL_BIND, method::REFRESH] {
        let (outcome, _, server, _) = run(Way::OtherRealm(method));
        assert_eq!((&outcome.ending, outcome.released), (&Ending::Done, true), "{method} {outcome:?}");
        assert_eq!((outcome.realm.as_deref(), server.allocated), (Some("other.example"), false));
    }
    let (outcome, _, server, _) = run(Way::EveryRealm);
    assert_eq!((outcome.error.unwrap().code, server.requests[0]), (401, 3));
    let (outcome, ..) = run(Way::NoRealm);
    assert_eq!((failed(&outcome).kind, outcome.error.is_none()), (FailureKind::Garbage, true));
}

#[test]
fn a_nonce_may_grow_stale_in_every_state() {
    for method in [method::ALLOCATE, method::CREATE_PERMISSION, method::CHANNEL_BIND, method::REFRESH] {
        for way in [Way::Stale(method, 1), Way::Stale(method, 3), Way::StaleBy401(method)] {
            let (outcome, train, server, _) = run(way);
            // What never was accepted is wrong when it is called wrong.
            if way == Way::StaleBy401(method::ALLOCATE) {
                assert_eq!(outcome.error.unwrap().code, 401);
                continue;
            }
            assert_eq!((&outcome.ending, &outcome.error), (&Ending::Done, &None), "{way:?}");
            assert_eq!(train.unwrap().record.replies.len(), 50);
            assert!(outcome.released && !server.allocated, "{way:?}");
        }
    }
    let (outcome, ..) = run(Way::Stale(method::CREATE_PERMISSION, 2));
    assert!(outcome.stale_nonces >= 2);
}

#[test]
fn who_calls_every_nonce_stale_is_not_asked_for_ever() {
    for method in [method::ALLOCATE, method::CREATE_PERMISSION, method::CHANNEL_BIND] {
        let (outcome, _, server, took) = run(Way::Stale(method, u32::MAX));
        let error = outcome.error.clone().unwrap();
        assert_eq!((error.code, error.retried), (438, true));
        assert!(server.requests.iter().all(|n| *n <= 8), "{:?}", server.requests);
        assert!(took < Duration::from_secs(1), "{took:?}");
        assert!(failed(&outcome).detail.contains("stale"));
    }
    let (outcome, _, server, _) = run(Way::StaleSame);
    assert_eq!((outcome.error.unwrap().code, server.requests[0]), (438, 2), "the same nonce again is no new one");
}

#[test]
fn every_error_at_every_request_is_told_with_its_code_and_ends_there() {
    for (method, at, step) in [
        (method::ALLOCATE, At::Allocate, Step::Allocate),
        (method::CREATE_PERMISSION, At::Permission, Step::Permission),
        (method::CHANNEL_BIND, At::Channel, Step::Channel),
    ] {
        for code in [300, 400, 403, 420, 437, 440, 441, 442, 443, 446, 486, 500, 508, 699] {
            let (outcome, train, server, took) = run(Way::Error(method, code));
            // A peer that is forbidden is forbidden at its permission.
            let (at, step) = if (code, at) == (403, At::Channel) && !server.permitted {
                (At::Permission, Step::Permission)
            } else {
                (at, step)
            };
            let error = outcome.error.clone().unwrap();
            assert_eq!((error.code, error.reason.as_str(), error.at), (code, "So It Is", at));
            assert!(!error.retried && train.is_none());
            let failure = failed(&outcome);
            assert_eq!((failure.step, failure.kind), (step, FailureKind::TurnError));
            assert!(failure.detail.contains(&code.to_string()), "{failure}");
            assert_eq!(meaning_of(code).is_some(), ![446, 699].contains(&code));
            assert_eq!(outcome.alternate.is_some(), code == 300);
            assert!(!server.allocated, "what was allocated is given back");
            assert_eq!(outcome.released, at != At::Allocate);
            assert!(took <= 200 * MS, "{took:?}");
        }
    }
}

#[test]
fn a_success_that_nobody_signed_is_no_success() {
    for method in [method::ALLOCATE, method::CREATE_PERMISSION, method::CHANNEL_BIND] {
        for way in [Way::Unsigned(method), Way::Forged(method)] {
            for stream in [false, true] {
                let mut world = World::new(1, way);
                let (outcome, train) = world.run(TurnPlan { stream, ..plan() }, 50);
                let failure = failed(&outcome);
                assert_eq!((failure.kind, train.is_none()), (FailureKind::Garbage, true), "{way:?}");
                assert!(failure.detail.contains("MESSAGE-INTEGRITY"), "{failure}");
                assert!(outcome.malformed.is_some() && outcome.relay.is_none());
                // What could not be believed may be there all the same.
                assert!(method == method::ALLOCATE || outcome.released);
                assert!(world.took < Duration::from_secs(2), "{:?}", world.took);
            }
        }
    }
}

#[test]
fn one_forged_answer_over_datagrams_hides_no_right_one() {
    let mut world = World::new(1, Way::Right);
    world.forged = 1;
    let (outcome, _) = world.run(plan(), 50);
    assert_eq!((outcome.ending, outcome.released), (Ending::Done, true));
}
