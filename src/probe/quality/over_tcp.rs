//! Loads over a responder's WebSocket, where nothing answers over UDP. Only a responder that grants a session for one is
//! sent any: a platform's own server is not loaded. Knows no limit.

use std::time::Duration;

use serde_json::json;

use super::Run;
use super::figures::Tried;
use super::offer::flow_facts;
use crate::model::{Failure, FailureKind, Length, Load, PortRange, ProbeKind, Standing, Step, Transport, metric};
use crate::net::http::Authority;
use crate::net::tcp::CONNECT_TIMEOUT;
use crate::net::tls::HTTP11;
use crate::net::ws::{self, WebSocket};
use crate::probe::Task;
use crate::probe::bandwidth::{self, Directions, Flowed, Offer};
use crate::probe::layers::Climb;
use crate::probe::session::doors;
use crate::probe::session::{self, Door, Opened};
use crate::profile::{Spec, WsSpec};
use crate::stats::ONE_LOOK;
use crate::wire::grant::{Ask, Grant};

/// How long each load flows, unless an exact length is asked for.
const LENGTH: Duration = Duration::from_secs(5);
/// All that opening a session may take, and the pings before a load with what comes after it.
const OPENING: Duration = Duration::from_secs(5);
const AROUND: Duration = Duration::from_secs(4);

/// Offers the loads, the highest first, until one holds; nothing where no responder is.
pub async fn loads(run: &Run<'_>, (port, spec): (u16, &WsSpec)) -> Vec<Tried> {
    let mut tried: Vec<Tried> = Vec::new();
    let mut doors = doors(&run.task.ways, &run.settings.page_ports);
    for load in &run.task.loads {
        if run.cancel.is_cancelled() || run.remaining() < OPENING + AROUND {
            break;
        }
        let offer = offer(run, *load);
        let door = Door { host: &run.task.host, address: run.task.address, ports: &doors };
        let one = match session::open(door, &ask(run, &offer), run.settings, OPENING).await {
            Opened::NoPage(_) => break,
            Opened::Refused { why, port, .. } => {
                doors = vec![port];
                Tried::nothing(*load, run.v6(), &metric::RESPONDER_REFUSED, &why)
            }
            Opened::Granted { port: granted_at, grant, .. } => {
                doors = vec![granted_at];
                match flow(run, (port, spec), &offer, &grant).await {
                    Ok(flowed) => of_flow(run, *load, port, &flowed),
                    Err(failure) => Tried::nothing(*load, run.v6(), &metric::FAILURE, &failure.detail),
                }
            }
        };
        let holds = one.standing == Some(Standing::Holds);
        tried.push(one);
        if holds {
            break;
        }
    }
    tried
}

fn offer(run: &Run<'_>, load: Load) -> Offer {
    let length = match run.task.length {
        Length::Exact(length) => length,
        Length::Decided { least, most } => LENGTH.max(least).min(most),
    };
    let length = length.min(run.remaining().saturating_sub(AROUND));
    Offer { load, directions: Directions::Both, length, dscp: run.task.dscp, z: ONE_LOOK }
}

/// What goes up comes back: the higher rate both ways, and the pings before it.
fn ask(run: &Run<'_>, offer: &Offer) -> Ask {
    let ask = bandwidth::ask(offer, run.v6());
    let kbps = ask.up_kbps.max(ask.down_kbps);
    Ask { up_kbps: kbps, down_kbps: kbps, ..ask }
}

/// One load in a connection of its own, so that no queue of the one before is in its way.
async fn flow(run: &Run<'_>, (port, spec): (u16, &WsSpec), offer: &Offer, grant: &Grant) -> Result<Flowed, Failure> {
    let socket = open(run, (port, spec), grant).await?;
    let flowing = bandwidth::flow_over_tcp(socket, offer, run.cancel);
    let late = || crate::net::classify::timed_out(crate::model::Step::Flow, "the load did not end", offer.length);
    tokio::time::timeout(run.remaining(), flowing).await.unwrap_or_else(|_| Err(late()))
}

/// Climbs to the WebSocket as its own check does, and shows the session's token.
async fn open(run: &Run<'_>, (port, spec): (u16, &WsSpec), grant: &Grant) -> Result<WebSocket, Failure> {
    let way = Task {
        check: run.task.check.clone(),
        spec: Spec::Ws(spec.clone()),
        host: run.task.host.clone(),
        address: run.task.address,
        ports: PortRange::single(port),
        stun: Vec::new(),
        proxy: run.settings.proxies.to(&run.task.host, port, false),
        unresolved: None,
        transport: Transport::Tcp,
        deadline: run.remaining().max(CONNECT_TIMEOUT),
    };
    let mut climb = Climb::new(ProbeKind::Quality, &way);
    let stream = climb.open(spec.tls.then_some((&*run.settings.tls, HTTP11))).await;
    let lost = || Failure::new(Step::Connect, FailureKind::Internal, "no result");
    let stream = stream.ok_or_else(|| climb.obs.failure().cloned().unwrap_or_else(lost))?;
    let to = Authority { host: &run.task.host, port, tls: spec.tls };
    let with = (spec.subprotocol.as_deref(), Some(grant.token.as_str()));
    let upgraded = ws::upgrade_for(stream, to, &spec.path, with, climb.remaining()).await;
    upgraded.map(|(socket, _)| socket).map_err(|refused| refused.failure)
}

fn of_flow(run: &Run<'_>, load: Load, port: u16, flowed: &Flowed) -> Tried {
    let estimates = flowed.estimates();
    let standing = (run.stands)(&load, &estimates);
    let mut facts = flow_facts(&load.offered(run.v6()), flowed, &estimates);
    let via = json!({
        "method": "flow", "transport": flowed.carrier, "address": run.task.address, "port": port,
        "responder": null, "session": "granted", "why": "nothing answers over UDP",
    });
    facts.set(&metric::VIA, via);
    Tried { load: Some(load), standing: Some(standing), estimates, train: false, facts }
}
