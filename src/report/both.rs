//! The two ways of a rule where a proxy is configured: both in short below a check that does not pass, and a few words where
//! one passes.

use super::evidence;
use super::page::{Page, Tone, span};
use crate::model::{Check, WayTaken, metric};

/// `directly: connect timed-out (5.0 s)` and `through http://192.0.2.3:3128: proxy 12, tls 8 ms`, a line each; nothing where no
/// proxy leads there.
pub(super) fn draw(page: &mut Page, check: &Check) {
    for line in lines(check).into_iter().flatten() {
        page.flow(2, 4, &[span(Tone::Faint, line)]);
    }
}

/// The same as text; `None` where no proxy leads there.
pub(super) fn lines(check: &Check) -> Option<[String; 2]> {
    let (direct, proxy) = ways(check)?;
    Some([format!("directly: {}", short(&direct)), format!("{}, which decides: {}", through(&proxy), short(&proxy))])
}

/// What a row of a check that passes adds: `through the proxy`, and that there is no other way.
pub(super) fn passed(check: &Check) -> Option<&'static str> {
    let (direct, _) = ways(check)?;
    Some(if direct.is_ok() { "through the proxy" } else { "through the proxy alone" })
}

fn ways(check: &Check) -> Option<(WayTaken, WayTaken)> {
    Some((check.observed.get(&metric::DIRECT)?, check.observed.get(&metric::PROXY)?))
}

fn through(way: &WayTaken) -> String {
    format!("through {}", way.via.as_deref().unwrap_or("the proxy"))
}

fn short(way: &WayTaken) -> String {
    let climbed = evidence::climbed(&way.steps);
    match (&way.failure, climbed) {
        (_, Some(steps)) => steps,
        (Some(failure), None) => format!("{} {}", failure.step.as_str(), failure.kind.as_str()),
        (None, None) => "ok".to_owned(),
    }
}
