//! `proxy.answers-itself`, `proxy.upgrade-stripped` and `proxy.idle-cut`: the proxy connects, and what passes is not left alone.

use crate::judge::proxied;

use super::{Both, each_place, evidence, ids, worst};
use crate::model::{FailureKind, Finding, Step, Who, metric};

/// A page or bytes of its own where the tunnel should be; TLS that is none through the proxy, and is directly.
pub fn answers_itself(via: &str, all: &[&Both<'_>]) -> Option<Finding> {
    let pages = has_pages(all);
    let own = |b: &&Both<'_>| {
        let unlike = b.tunnelled() && b.direct.is_ok() && b.failed_by(FailureKind::NotTls);
        (b.failed_by(FailureKind::ProxyAnswered) && !is_the_servers(b))
            || unlike
            || is_page(b)
            || (pages && is_refused(b))
    };
    let own: Vec<&Both<'_>> = all.iter().copied().filter(own).collect();
    let first = own.iter().find(|b| is_page(b)).or(own.first())?;
    let said = first.proxy.failure.as_ref().map(|f| f.detail.clone());
    let said = said.or_else(|| proxied::pages(&first.direct, &first.proxy))?;
    Some(Finding {
        id: "proxy.answers-itself".to_owned(),
        status: worst(&own),
        title: format!("The proxy {via} answers in place of the servers"),
        detail: format!("Where a tunnel to the server should be, the proxy sends something of its own: {said}. A block page, a login page or a filter looks like this."),
        remedy: "Open the page in a browser to see what the proxy wants, and have its administrator let these hosts through unchanged.".to_owned(),
        who: Some(Who::Proxy),
        ask: each_place(&own, |place| format!("allow CONNECT to {place} without a block or login page")),
        evidence: evidence(&own),
        checks: ids(&own),
        ..Finding::default()
    })
}

/// Words in an open tunnel, of a server that is no TLS server directly either.
fn is_the_servers(both: &Both<'_>) -> bool {
    let in_tunnel = both.answer().and_then(|a| a.status).is_none_or(|code| code < 300);
    let strange = [FailureKind::NotTls, FailureKind::Garbage].into_iter().any(|kind| both.direct.failed_by(kind));
    in_tunnel && strange
}

fn is_page(both: &Both<'_>) -> bool {
    proxied::is_another_page(&both.direct, &both.proxy)
}

/// Whoever answers pages in the servers' place refuses their WebSockets too.
fn has_pages(all: &[&Both<'_>]) -> bool {
    all.iter().any(|b| is_page(b))
}

fn is_refused(both: &Both<'_>) -> bool {
    both.direct.is_ok() && both.failed_by(FailureKind::UpgradeRefused)
}

/// No 101 through the proxy, and one directly: a `Via` header alone may be that of the server's own front.
pub fn upgrade_stripped(via: &str, all: &[&Both<'_>]) -> Option<Finding> {
    let pages = has_pages(all);
    let stripped = |b: &&Both<'_>| {
        let kinds = [FailureKind::UpgradeRefused, FailureKind::Closed, FailureKind::Reset, FailureKind::TimedOut];
        let refused = b.failed_at(Step::Upgrade) && kinds.into_iter().any(|kind| b.failed_by(kind));
        refused && !(pages && is_refused(b)) && b.direct.is_ok()
    };
    let stripped: Vec<&Both<'_>> = all.iter().copied().filter(stripped).collect();
    let said = stripped.first()?.proxy.failure.as_ref().map(|f| f.detail.clone())?;
    Some(Finding {
        id: "proxy.upgrade-stripped".to_owned(),
        status: worst(&stripped),
        title: format!("WebSockets do not pass the proxy {via}"),
        detail: format!(
            "Through it the upgrade to a WebSocket is not answered by 101: {said}. The server upgrades when it is asked directly, so that the proxy (or what inspects TLS for it) takes the Upgrade header away or does not know WebSockets. Pages load, and calls are never signalled."
        ),
        remedy: "Have the proxy pass the Upgrade and Connection headers, or tunnel these hosts without looking inside."
            .to_owned(),
        who: Some(Who::Proxy),
        ask: each_place(&stripped, |place| {
            format!("let WebSockets (Upgrade: websocket) through to {place}, or exempt it from inspection")
        }),
        evidence: evidence(&stripped),
        checks: ids(&stripped),
        ..Finding::default()
    })
}

/// A WebSocket held in silence is cut through the proxy, without a close frame.
pub fn idle_cut(via: &str, all: &[&Both<'_>]) -> Option<Finding> {
    // A server that tires of a client says so; only one that is held directly shows that the end is not the server's doing.
    let cut = |b: &&Both<'_>| {
        let by_book = b
            .proxy
            .failure
            .as_ref()
            .is_some_and(|f| f.detail.contains("close frame (") || f.detail.contains("by a close frame"));
        b.failed_by(FailureKind::HoldCut) && !by_book && b.direct.is_ok()
    };
    let cut: Vec<&Both<'_>> = all.iter().copied().filter(cut).collect();
    cut.first()?;
    let after: Option<f64> = cut.iter().filter_map(|b| b.proxy.facts.get::<f64>(&metric::HELD_S)).reduce(f64::min);
    let after = after.map_or_else(|| "some time".to_owned(), |s| format!("{s} s"));
    let held = cut.first().and_then(|b| b.direct.facts.get::<f64>(&metric::HELD_S));
    let compared = match held {
        Some(held) => format!("directly it stays open (it was held for {held} s)"),
        None => "directly it stays open".to_owned(),
    };
    Some(Finding {
        id: "proxy.idle-cut".to_owned(),
        status: worst(&cut),
        title: format!("The proxy {via} cuts a silent WebSocket after {after}"),
        detail: format!(
            "A WebSocket through the proxy that says nothing is ended after {after}, without a close frame; {compared}. Waiting agents lose their connection, and calls do not arrive."
        ),
        remedy: format!(
            "Have the proxy keep tunnels that are silent for longer than {after}, or have the application send a keepalive more often than that."
        ),
        who: Some(Who::Proxy),
        ask: each_place(&cut, |place| {
            format!("raise the idle timeout of tunnels to {place} above {after}: 3600 s or more")
        }),
        evidence: evidence(&cut),
        checks: ids(&cut),
        ..Finding::default()
    })
}
