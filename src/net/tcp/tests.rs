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
fn an_icmp_error_says_who_rejects() {
    let target: IpAddr = "192.0.2.1".parse().unwrap();
    let own: IpAddr = "198.51.100.5".parse().unwrap();
    let told = |from: IpAddr, code| icmp_failure(Icmp { from, v6: false, kind: 3, code }, target, Some(own));
    let router: IpAddr = "198.51.100.1".parse().unwrap();
    for (from, code, kind, words) in [
        (router, 13, FailureKind::Prohibited, "which is not the target: a filter there rejects"),
        (router, 3, FailureKind::Prohibited, "which is not the target"),
        (target, 3, FailureKind::Refused, "the target itself: a firewall on it rejects"),
        (router, 1, FailureKind::Unreachable, "host unreachable (type 3 code 1) from 198.51.100.1"),
        (own, 1, FailureKind::Unreachable, "nobody answers on the local link"),
        (own, 13, FailureKind::Prohibited, "a firewall here rejects"),
    ] {
        let failure = told(from, code);
        assert_eq!(failure.kind, kind);
        assert!(failure.detail.contains(words), "{failure}");
    }
}
