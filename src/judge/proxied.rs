//! How the two ways of a rule fared where a proxy leads there, as a clause at the end of a check's sentence.

use crate::model::{Facts, Observation, Outcome, Status, WayTaken, metric};

/// An error page where the same request is answered well directly: whoever stands between answers in the server's place.
pub fn is_another_page(direct: &WayTaken, proxy: &WayTaken) -> bool {
    pages(direct, proxy).is_some()
}

/// The same in words.
pub fn pages(direct: &WayTaken, proxy: &WayTaken) -> Option<String> {
    let status = |way: &WayTaken| way.facts.get::<u16>(&metric::HTTP_STATUS);
    let (well, error) = (status(direct).filter(|s| *s < 400)?, status(proxy).filter(|s| *s >= 400)?);
    let server = |way: &WayTaken| way.facts.get::<String>(&metric::HTTP_SERVER);
    let other = server(direct) != server(proxy) && direct.is_ok() && proxy.is_ok();
    other.then(|| format!("HTTP {error} through it, where the server itself answers {well}"))
}

/// What passes through the proxy as an error page of somebody else is not as it should be.
pub fn status(facts: &Facts) -> Status {
    match (facts.get::<WayTaken>(&metric::DIRECT), facts.get::<WayTaken>(&metric::PROXY)) {
        (Some(direct), Some(proxy)) if is_another_page(&direct, &proxy) => Status::Warn,
        _ => Status::Pass,
    }
}

/// The sentence, with the clause where both ways were tried.
pub fn told(reason: String, seen: &Observation) -> String {
    let ways = (seen.facts.get::<WayTaken>(&metric::DIRECT), seen.facts.get::<WayTaken>(&metric::PROXY));
    let (Some(direct), Some(proxy)) = ways else { return reason };
    let via = proxy.via.as_deref().unwrap_or("it");
    let passed = matches!(seen.outcome, Outcome::Measured);
    let page = pages(&direct, &proxy);
    let direct = match (&direct.failure, passed) {
        (None, true) if page.is_some() => format!(": {}", page.unwrap_or_default()),
        (None, true) => ", and directly too".to_owned(),
        (None, false) => ", and directly it works".to_owned(),
        (Some(failure), true) => format!(", while the direct way fails ({})", failure.detail),
        (Some(failure), false) => format!(", and the direct way fails too ({})", failure.detail),
    };
    let sentence = reason.strip_suffix('.').unwrap_or(&reason);
    format!("{sentence}; through the proxy {via}{direct}.")
}
