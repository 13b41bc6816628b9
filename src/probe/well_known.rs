//! The page by which a responder says what it serves. It is fetched without verification and never used for trust: it
//! only tells a sweep that silence means something, and an untrusted certificate fails its own rule.

use std::net::{IpAddr, SocketAddr};

use futures_util::future::join_all;

use crate::model::schedule::PAGE_PATIENCE;
use crate::model::{ClockError, PortRange};
use crate::net::http::Unverified;
use crate::session;

use super::{Settings, Task};

/// A page is short; more than this is something else.
const MAX_BYTES: usize = 64 * 1024;

/// Whether a responder at the task's address says that it serves every one of its UDP ports. `None`: there is no responder
/// there that says so, or none that this run may ask.
pub async fn serves(task: &Task, settings: &Settings) -> Option<bool> {
    ask(task, settings).await.serves
}

/// What whoever answers there showed.
#[derive(Default)]
pub struct Page {
    /// As [`serves`] has it.
    pub serves: Option<bool>,
    /// This machine's clock against that of the first that answered, responder or not.
    pub clock: Option<ClockError>,
}

/// The same with the clock.
pub async fn ask(task: &Task, settings: &Settings) -> Page {
    let (Some(ports), address) = (task.ports, task.address) else { return Page::default() };
    let bearer = settings.responder_key.as_ref().map(|key| session::bearer_token(key.bytes()));
    let one = |port: &u16| fetch(SocketAddr::new(address, *port), &task.host, bearer.as_deref());
    let bodies = join_all(settings.page_ports.iter().map(one)).await;
    let mut page = Page::default();
    for (body, clock) in bodies.into_iter().flatten() {
        page.serves = page.serves.or_else(|| read(&body?, address, ports));
        page.clock = page.clock.or(clock);
    }
    page
}

/// The page, where it was given, and the clock.
async fn fetch(page: SocketAddr, host: &str, bearer: Option<&str>) -> Option<(Option<Vec<u8>>, Option<ClockError>)> {
    let path = "/.well-known/rtc-check";
    let page = Unverified { address: page, host, path, bearer, max_bytes: MAX_BYTES, timeout: PAGE_PATIENCE };
    let (status, body, clock) = page.fetch_dated().await.ok()?;
    Some(((status == 200).then_some(body), clock))
}

/// Reads the page: whether one of its UDP services has all of these ports.
fn read(body: &[u8], address: IpAddr, wanted: PortRange) -> Option<bool> {
    let page: serde_json::Value = serde_json::from_slice(body).ok()?;
    let serves = page.get("rtc-check")?.get("serves")?.as_array()?;
    let covers = |service: &serde_json::Value| {
        let bound = service.get("address").and_then(|a| a.as_str()?.parse::<IpAddr>().ok());
        let here = bound.is_none_or(|a| a == address || a.is_unspecified());
        let udp = service.get("transport").and_then(|t| t.as_str()) == Some("udp");
        let ports = service.get("ports").and_then(|p| p.as_str()).unwrap_or_default();
        let has = |text: &str| {
            text.trim().parse::<PortRange>().is_ok_and(|r| r.first() <= wanted.first() && wanted.last() <= r.last())
        };
        here && udp && ports.split(',').any(has)
    };
    Some(serves.iter().any(covers))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_page_tells_which_ranges_are_served_and_nonsense_tells_nothing() {
        let page = br#"{"rtc-check": {"version": "1", "serves": [
            {"transport": "tcp", "ports": "443"}, {"transport": "udp", "ports": "19099-19500, 19502-20099"}]}}"#;
        let range = |a, b| PortRange::new(a, b).unwrap();
        assert_eq!(read(page, HERE, range(19100, 19200)), Some(true));
        assert_eq!(read(page, HERE, range(19099, 20099)), Some(false));
        assert_eq!(read(page, HERE, range(443, 443)), Some(false));
        for bad in [&b""[..], b"[]", b"{\"rtc-check\": 1}", b"\xff\xfe"] {
            assert_eq!(read(bad, HERE, range(1, 2)), None);
        }
    }
}
