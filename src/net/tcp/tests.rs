use super::*;
use crate::net::loopback::{LONG, closed_port, serve_on, silence};

#[tokio::test]
async fn an_open_port_opens_in_either_family() {
    for bind in ["127.0.0.1:0", "[::1]:0"] {
        let at = serve_on(bind, silence).await;
        assert_eq!(connect(at, LONG).await.unwrap().peer_addr().unwrap(), at);
    }
}

#[tokio::test]
async fn a_closed_port_is_refused_by_rst() {
    let refused = connect(closed_port().await, LONG).await.unwrap_err();
    assert_eq!((refused.failure.step, refused.failure.kind), (Step::Connect, FailureKind::Refused));
    assert!(refused.failure.detail.contains("RST") && refused.icmp.is_none(), "{}", refused.failure);
}

#[tokio::test]
async fn what_this_machine_itself_cannot_reach_is_told_at_once() {
    let multicast = connect("[ff02::1]:9".parse().unwrap(), LONG).await.unwrap_err();
    assert!(matches!(multicast.failure.kind, FailureKind::NoRoute | FailureKind::Unreachable), "{}", multicast.failure);
}

#[test]
fn an_icmp_error_says_who_rejects_in_the_words_it_has_over_udp() {
    let target: SocketAddr = "192.0.2.1:443".parse().unwrap();
    let own: IpAddr = "198.51.100.5".parse().unwrap();
    let error = |from: IpAddr, kind, code| IcmpError { kind, code, from: Some(from), to: target };
    let router: IpAddr = "198.51.100.1".parse().unwrap();
    for (from, (kind, code), class, words) in [
        (router, (3, 13), FailureKind::Prohibited, "which is not the target: a filter there rejects"),
        (router, (3, 14), FailureKind::Prohibited, "host precedence violation (type 3 code 14) from 198.51.100.1"),
        (router, (3, 3), FailureKind::Prohibited, "which is not the target"),
        (target.ip(), (3, 3), FailureKind::Refused, "the target 192.0.2.1 itself: a firewall on it rejects"),
        (target.ip(), (3, 2), FailureKind::Unreachable, "protocol unreachable"),
        (router, (3, 1), FailureKind::Unreachable, "host unreachable (type 3 code 1) from 198.51.100.1"),
        (router, (11, 0), FailureKind::Unreachable, "a routing loop (type 11 code 0) from 198.51.100.1"),
        (own, (3, 1), FailureKind::Unreachable, "nobody answers on the local link"),
        (own, (3, 13), FailureKind::Prohibited, "a firewall here rejects"),
    ] {
        let error = error(from, kind, code);
        let failure = icmp_failure(&error, Some(own)).unwrap();
        assert_eq!(failure.kind, class);
        assert!(failure.detail.contains(words) && failure.detail.starts_with(&error.to_string()), "{failure}");
    }
    assert_eq!(icmp_failure(&error(router, 12, 0), Some(own)), None, "a parameter problem decides nothing");
}
