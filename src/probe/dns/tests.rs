use super::*;
use crate::model::{Failure, FailureKind};
use crate::net::dns::{Kind, ServerAnswer};
use crate::probe::layers::fixture::task;

fn report(failure: Option<Failure>) -> NameReport {
    let server = "192.0.2.53:53".parse().unwrap();
    let answer = ServerAnswer::none(server, Kind::Aaaa, FailureKind::ResolverTimeout, "no answer");
    let addresses = if failure.is_none() { vec!["192.0.2.1".parse().unwrap()] } else { vec![] };
    NameReport { addresses, ms: 1.5, failure, servers: vec![answer], differ: false }
}

#[tokio::test]
async fn an_address_resolves_to_itself() {
    let obs = probe(&task("127.0.0.1", "127.0.0.1:9".parse().unwrap()), &[]).await;
    assert_eq!(obs.failure(), None);
    assert_eq!(obs.facts.get::<Vec<String>>(&metric::ADDRESSES).unwrap(), ["127.0.0.1"]);
    assert!(!obs.facts.has(&metric::DNS_SERVERS), "nobody was asked");
}

#[test]
fn the_systems_verdict_decides_and_the_servers_are_evidence() {
    let good = observation(&report(None));
    assert_eq!(good.failure(), None);
    let servers: serde_json::Value = good.facts.get(&metric::DNS_SERVERS).unwrap();
    let told = serde_json::json!([{
        "server": "192.0.2.53:53", "type": "AAAA", "addresses": [], "error": "resolver-timeout", "detail": "no answer"
    }]);
    assert_eq!(servers, told, "what is absent is left out");
    let failure = Failure::new(Step::Name, FailureKind::NxDomain, "rtc.example does not exist");
    let bad = observation(&report(Some(failure.clone())));
    assert_eq!(bad.failure(), Some(&failure));
    assert!(!bad.facts.has(&metric::ADDRESSES) && bad.facts.has(&metric::DNS_DIFFER));
}
