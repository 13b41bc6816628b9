//! A page over plain HTTP whose answer is known: one GET, no redirect followed, and whether what came back is that answer.

use std::time::Duration;

use hyper::header::LOCATION;

use super::Task;
use super::layers::Climb;
use crate::model::{KnownPage, Observation, PageAnswer, PortRange, ProbeKind, Step, Transport, metric};
use crate::net::classify::clean;
use crate::net::clock;
use crate::net::http::{self, Answer, Authority};
use crate::profile::{HttpSpec, Spec};

use super::trial::TrialTask;

/// Longest beginning of a page that is recorded.
const BEGINS: usize = 120;

/// Fetches the page at the task's address.
pub async fn probe(task: &TrialTask, page: &KnownPage) -> Observation {
    let task = of(task, page);
    let mut climb = Climb::new(ProbeKind::Http, &task);
    let Some(stream) = climb.open(None).await else { return climb.obs };
    let to = Authority { host: &task.host, port: page.port, tls: false };
    let start = clock::now();
    match http::page(stream, to, &page.path, climb.remaining().max(Duration::from_millis(1)), None).await {
        Ok((answer, body)) => {
            answer.record(&mut climb.obs.facts);
            climb.obs.step_ok(Step::Request, clock::now().duration_since(start));
            climb.obs.facts.set(&metric::PORTAL, read(page, &answer, &body));
            climb.obs
        }
        Err(not) => climb.not_spoken(not, start),
    }
}

fn of(task: &TrialTask, page: &KnownPage) -> Task {
    Task {
        check: task.check.clone(),
        spec: Spec::Http(HttpSpec { tls: false, either: false, path: page.path.clone(), expect: None }),
        host: task.host.clone(),
        address: task.address,
        ports: PortRange::single(page.port),
        transport: Transport::Tcp,
        stun: Vec::new(),
        proxy: None,
        unresolved: None,
        deadline: task.deadline,
    }
}

fn read(page: &KnownPage, answer: &Answer, body: &[u8]) -> PageAnswer {
    let text = String::from_utf8_lossy(body);
    PageAnswer {
        status: answer.status,
        same: matches!(answer.status, 200 | 204) && text.trim_end_matches(['\r', '\n']) == page.text,
        bytes: body.len(),
        begins: clean(&text, BEGINS),
        location: answer.text(&LOCATION, 200),
    }
}
