//! The checks of bandwidth: whether what each row of the document asks for flows.

use serde_json::{Value, json};

use crate::model::measure::names;
use crate::model::offered::OneWay;
use crate::model::shape::LOSS_ALLOWED;
use crate::model::{
    Facts, LimitResult, LimitSource, Load, Need, Seen, Service, Status, Transport, default_source, metric,
};
use crate::plan::{Measure, Plan, load_words};
use crate::profile::Bandwidth;

use super::quality::{self, Tried};
use super::{figures, limits};

/// What a row asks for, required or recommended, and how it stands.
struct Part<'a> {
    need: Load,
    limits: Vec<LimitResult>,
    status: Status,
    /// The load that shows it.
    shown_by: Option<&'a Tried>,
}

impl Part<'_> {
    /// A higher load shows it.
    fn is_implied(&self) -> bool {
        self.shown_by.is_some_and(|t| !same_rates(&t.load, &self.need))
    }
}

/// A row judged.
#[derive(Clone)]
pub struct Judged {
    pub facts: Facts,
    pub limits: Vec<LimitResult>,
    pub status: Status,
    pub reason: String,
}

/// Required where the document requires a rate; what it recommends can only warn.
pub fn need(row: &Bandwidth) -> Need {
    if asks(row.up_kbps, row.down_kbps) { Need::Required } else { Need::Recommended }
}

fn asks(up: Option<f64>, down: Option<f64>) -> bool {
    [up, down].into_iter().flatten().any(|kbps| kbps > 0.0)
}

fn same_rates(a: &Load, b: &Load) -> bool {
    (a.total_up_kbps(), a.total_down_kbps()) == (b.total_up_kbps(), b.total_down_kbps())
}

/// Judges a row by the loads that were tried.
pub fn judge(plan: &Plan, measure: &Measure, row: &Bandwidth, seen: &Seen, place: &str) -> Judged {
    let facts = &seen.observation.facts;
    let v6 = seen.address.is_some_and(|a| a.is_ipv6());
    let tried = quality::tried(facts);
    let source = LimitSource::Document(row.source.clone());
    let wanted = |up, down| asks(up, down).then(|| measure.load(row, up, down));
    let required = wanted(row.up_kbps, row.down_kbps).map(|need| part(need, &tried, "", &source));
    let recommended = wanted(row.recommended_up_kbps, row.recommended_down_kbps)
        .map(|need| part(need, &tried, "recommended_", &source));
    let own = |status| if status == Status::Fail { Status::Warn } else { status };
    let status = match (required.as_ref().map(|p| p.status), recommended.as_ref().map(|p| p.status)) {
        // What is required flows; whether more does may be unknown, and is not as recommended either way.
        (Some(Status::Pass), Some(best)) if best != Status::Pass => Status::Warn,
        (Some(status), _) => status,
        (None, best) => best.map_or(Status::Unknown, own),
    };
    let parts: Vec<&Part<'_>> = [&required, &recommended].into_iter().flatten().collect();
    let row_facts = row_facts(&parts, facts, v6);
    let was_measured = parts.iter().any(|p| p.limits.iter().any(|l| l.observed.is_some()));
    let (status, udp) = match was_measured && over_tcp(&row_facts) {
        true => (if status == Status::Pass { Status::Warn } else { status }, open_udp(plan, measure)),
        false => (status, String::new()),
    };
    let reason = match was_measured {
        true => reason(&parts, &row_facts, place, &udp, v6),
        false => not_measured(&parts, facts, place, &plan.profile, v6),
    };
    let mut limits: Vec<LimitResult> = Vec::new();
    for limit in parts.iter().flat_map(|p| &p.limits) {
        // What is recommended can only warn, and one load may show both.
        let limit = if limit.metric.starts_with("recommended_") {
            LimitResult { status: own(limit.status), ..limit.clone() }
        } else {
            limit.clone()
        };
        if !limits.contains(&limit) {
            limits.push(limit);
        }
    }
    Judged { facts: row_facts, limits, status, reason }
}

/// Whether the load itself flowed; one that did not is a queue or a loss, and shows nothing of lower rates.
fn flowed(t: &Tried) -> bool {
    let limits = limits::rates(&t.load, &t.estimates, "", &default_source());
    limits.iter().filter(|l| l.metric.ends_with("_kbps")).all(|l| l.status == Status::Pass)
}

/// How the loads that were tried show what is needed: the first that flowed, else the one of just that rate.
fn part<'a>(need: Load, tried: &'a [Tried], prefix: &str, source: &LimitSource) -> Part<'a> {
    let enough = |t: &&Tried| {
        t.load.total_up_kbps() >= need.total_up_kbps() && t.load.total_down_kbps() >= need.total_down_kbps()
    };
    let judged = |t: &'a Tried| {
        let limits = limits::rates(&need, &t.estimates, prefix, source);
        // The delay's own limits stand beside; they have a part in those of the rates.
        let status = limits.iter().filter(|l| !limits::is_own(l)).map(|l| l.status).reduce(Status::worst);
        (t, limits, status.unwrap_or(Status::Unknown))
    };
    let all: Vec<_> = tried.iter().filter(enough).map(judged).collect();
    let carried = all.iter().find(|(t, _, status)| *status == Status::Pass && flowed(t));
    match carried.or_else(|| all.iter().find(|(t, ..)| same_rates(&t.load, &need))) {
        Some((t, limits, status)) => Part { need, limits: limits.clone(), status: *status, shown_by: Some(t) },
        None => {
            let limits = limits::rates(&need, &Default::default(), prefix, source);
            Part { need, limits, status: Status::Unknown, shown_by: None }
        }
    }
}

fn row_facts(parts: &[&Part<'_>], all: &Facts, v6: bool) -> Facts {
    let mut facts = Facts::new();
    let copied = [
        &metric::VIA,
        &metric::UP_ALONE,
        &metric::DOWN_ALONE,
        &metric::CAVEATS,
        &metric::RESPONDER_REFUSED,
        &metric::RECEIVER_OVERFLOW,
        &metric::DNS_SERVERS,
    ];
    for m in copied.into_iter().filter(|m| all.has(m)) {
        facts.set(m, all.get::<Value>(m));
    }
    let Some(part) = parts.first() else { return facts };
    let offered = part.need.offered(v6);
    let (up, down) = (part.need.total_up_kbps(), part.need.total_down_kbps());
    let required = json!({
        "up_kbps": up,
        "down_kbps": down,
        "ip_up_kbps": ip_level(&offered.up, up),
        "ip_down_kbps": ip_level(&offered.down, down),
    });
    facts.set(&metric::REQUIRED, required);
    if let Some(shown_by) = part.shown_by {
        facts.extend(shown_by.facts.clone());
        let value = |name| shown_by.estimates.get(name).map(|e| e.value);
        facts.set(&metric::CARRIED, json!({ "up_kbps": value("up_kbps"), "down_kbps": value("down_kbps") }));
        // The check of quality has the train in time: the rows of a profile would each repeat it.
        for left_out in [&metric::LOADS, &metric::TIMELINE, &metric::RTT_HISTOGRAM] {
            facts.remove(left_out);
        }
        quality::without_loss_no_mos(&mut facts);
        // A load that was not offered says why in words; those are in the reason.
        facts.remove(&metric::FAILURE);
        if part.is_implied() {
            facts.set(&metric::IMPLIED_BY, shown_by.load);
        }
    }
    facts
}

/// What a payload comes to at the IP level: more is offered, so that the loss that is allowed leaves what is required.
fn ip_level(offered: &OneWay, payload_kbps: f64) -> f64 {
    let headers = offered.ip_kbps - offered.payload_kbps;
    ((payload_kbps + headers) * 1000.0).round() / 1000.0
}

/// It was measured over TCP, whose retransmissions hide the loss that media would meet.
fn over_tcp(facts: &Facts) -> bool {
    facts.get::<Value>(&metric::VIA).is_some_and(|via| via.get("transport").and_then(Value::as_str) == Some("tcp"))
}

/// What to do where UDP brought nothing back: the ports of the role's media ranges.
fn open_udp(plan: &Plan, measure: &Measure) -> String {
    let rules = || measure.ways.iter().filter_map(|way| plan.items.get(*way)).map(|item| &item.rule);
    let media = rules().filter(|r| r.service == Service::Rtp && r.transport == Transport::Udp);
    let ports: Vec<String> = media.filter_map(|r| r.ports).map(|p| p.to_string()).collect();
    let open = match ports.is_empty() {
        true => "open UDP to it".to_owned(),
        false => format!("open UDP {}", ports.join(", ")),
    };
    format!("; over TCP, because nothing came back over UDP, which media needs: {open}")
}

fn reason(parts: &[&Part<'_>], facts: &Facts, place: &str, udp: &str, v6: bool) -> String {
    let clauses: Vec<String> = parts.iter().map(|p| clause(p, v6)).collect();
    let undecided = parts.iter().filter(|p| p.status == Status::Unknown).find_map(|p| p.shown_by);
    let action = match undecided {
        Some(t) if figures::died(&t.facts) => "; start the responder again and measure again".to_owned(),
        Some(t) => format!("; {}", figures::more(&t.facts)),
        None if parts.iter().any(only_loses) => {
            "; the delay stayed flat, so the loss is not a matter of the rate: look for a bad link".to_owned()
        }
        None if parts.iter().any(|p| p.status == Status::Fail) => {
            "; ask for a faster line or a queue that keeps media first, or use fewer sessions at once".to_owned()
        }
        None => String::new(),
    };
    let via = figures::via(facts);
    let with = if via.is_empty() { String::new() } else { format!(" Measured with {via}.") };
    let alone = parts.iter().find_map(|p| alone(&p.shown_by?.facts)).unwrap_or_default();
    format!("To {place}: {}{alone}{action}{udp}.{with}{}", clauses.join("; "), figures::caveats(facts))
}

/// A rate fails by loss alone: no queue filled, and what is missing was lost on the way.
fn only_loses(part: &&Part<'_>) -> bool {
    let Some(tried) = part.shown_by.filter(|_| part.status == Status::Fail) else { return false };
    let mut rises = part.limits.iter().filter(|l| l.metric.starts_with("delay_rise")).peekable();
    let flat = rises.peek().is_some() && rises.all(|l| l.status == Status::Pass);
    let loss = |m| tried.facts.get::<f64>(m).unwrap_or(0.0);
    let estimated = |name| tried.estimates.get(name).map_or(0.0, |e| e.value);
    let losses = [
        loss(&metric::LOSS_UP_PCT),
        loss(&metric::LOSS_DOWN_PCT),
        estimated(names::LOSS_UP_PCT),
        estimated(names::LOSS_DOWN_PCT),
    ];
    flat && losses.into_iter().any(|pct| pct > 100.0 * LOSS_ALLOWED)
}

/// What flowed each way by itself.
fn alone(facts: &Facts) -> Option<String> {
    let kbps = |m| facts.get::<Value>(m)?.get("carried_kbps")?.as_f64();
    let way = |kbps: f64, way: &str| format!("{kbps:.1} kbit/s {way}");
    let ways = [kbps(&metric::UP_ALONE).map(|k| way(k, "up")), kbps(&metric::DOWN_ALONE).map(|k| way(k, "down"))];
    let ways: Vec<String> = ways.into_iter().flatten().collect();
    (!ways.is_empty()).then(|| format!("; one way alone carried {}", ways.join(" and ")))
}

/// One rate in words: what arrived, whether the delay stayed flat, and by which load it is shown.
fn clause(part: &Part<'_>, v6: bool) -> String {
    let what = figures::load(&part.need, v6);
    let recommended = part.limits.iter().any(|l| l.metric.starts_with("recommended_"));
    let wish = if recommended { "as recommended, " } else { "" };
    let arrived: Vec<String> = part.limits.iter().filter_map(arrived).collect();
    let arrived = if arrived.is_empty() { String::new() } else { format!(": {}", arrived.join(", ")) };
    let shown = match part.shown_by {
        Some(t) if part.is_implied() => format!(", shown by the load of {}", load_words(&t.load)),
        _ => String::new(),
    };
    match part.status {
        Status::Pass => format!("{wish}{what} flows{arrived}{shown}"),
        Status::Fail => format!("{wish}{what} does not flow{arrived}"),
        _ if arrived.is_empty() => format!("{wish}{what} was not tried before the time was up"),
        _ => format!("{wish}{what} is undecided{arrived}"),
    }
}

/// What became of one direction.
fn arrived(limit: &LimitResult) -> Option<String> {
    let value = figures::value(limit)?;
    let way = if limit.metric.contains("up_") { "up" } else { "down" };
    Some(match (limit.metric.starts_with("delay_rise"), limit.status) {
        (true, Status::Pass) => format!("the delay {way} stayed flat"),
        (true, Status::Unknown) => format!("the delay {way} rose by {value}, which may be a queue that fills"),
        (true, _) => format!("the delay {way} rose by {value}: the queue fills"),
        (false, _) => format!("{value} arrived {way}"),
    })
}

fn not_measured(parts: &[&Part<'_>], facts: &Facts, place: &str, profile: &str, v6: bool) -> String {
    let what = parts.first().map(|p| figures::load(&p.need, v6)).unwrap_or_default();
    let own = parts.iter().find_map(|p| p.shown_by).map(|t| &t.facts);
    let words = |m| own.and_then(|f| f.get::<String>(m)).or_else(|| facts.get::<String>(m));
    let refused = words(&metric::RESPONDER_REFUSED);
    let change =
        refused.as_deref().and_then(figures::unlike_refusal).map(|change| format!("{change}, and measure again"));
    let granted = || facts.get::<Value>(&metric::VIA).is_some_and(|via| via.get("session") == Some(&json!("granted")));
    let died = || figures::died(own.unwrap_or(facts));
    if refused.is_none() && words(&metric::FAILURE).is_none() {
        if died() {
            return format!(
                "Whether {what} flows to {place} was not measured: the far end fell silent before the end; start the responder again and measure again.{}",
                figures::caveats(own.unwrap_or(facts))
            );
        }
        if granted() {
            return format!(
                "Whether {what} flows to {place} was not measured: UDP answered nothing although the session was granted; open UDP both ways between this machine and it, and measure again."
            );
        }
    }
    let why = match (refused, words(&metric::FAILURE)) {
        (Some(why), _) => format!("the responder there refused to take the load ({})", why.trim_end_matches('.')),
        (None, Some(why)) => format!("the load was not offered ({})", why.trim_end_matches('.')),
        (None, None) => "no responder there could take the load".to_owned(),
    };
    let change = change
        .unwrap_or_else(|| format!("run `rtc-check serve --profile {profile}` on that address and measure again"));
    format!("Whether {what} flows to {place} was not measured: {why}; {change}.")
}
