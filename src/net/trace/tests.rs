use super::*;
use crate::model::trace::TraceEnd;
use crate::session::trace::Wanted;

#[test]
fn a_packet_is_known_by_its_number() {
    let mut buf = [0; 128];
    let length = stun::write_binding_request(&mut buf, id(70_000), None, 0).unwrap();
    assert_eq!(number_in(&buf[..length]), Some(70_000));
    assert_eq!(number_in(&buf[..10]), None);
    assert_eq!(number_in(&[0; 40]), None);
}

#[tokio::test]
async fn on_loopback_a_closed_port_is_refused_by_the_host_itself() {
    let open = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed_udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let flow = |carrier, port| Flow { carrier, port, name: None };
    let flows = [flow(Carrier::Tcp, closed), flow(Carrier::Udp, closed_udp)];
    let aim = Aim {
        address: "127.0.0.1".parse().unwrap(),
        source: None,
        control: flow(Carrier::Tcp, open.local_addr().unwrap().port()),
        flows: flows.into_iter().map(|flow| Wanted { flow, other_name: None }).collect(),
    };
    let all = trace(vec![aim], Duration::from_secs(3), &CancellationToken::new()).await.unwrap();
    for found in &all[0] {
        assert_eq!((found.end, found.host_distance, found.rounds), (TraceEnd::Refused, Some(1), 3), "{found:?}");
        assert!(found.ends_at_host() && found.hops.is_empty(), "{found:?}");
    }
}
