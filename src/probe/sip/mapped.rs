//! This machine's address as STUN servers see it: one question to each, briefly, beside SIP's own.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::alg::Mapped;
use crate::model::{Step, schedule};
use crate::net::chance;
use crate::probe::Task;
use crate::probe::asked::Asking;
use crate::session::ask::{Ending, Heard};
use crate::wire::stun::{self, Class, Message};

/// Asks the task's STUN servers, and its own port where that is UDP; one at the SIP server's address counts before others.
pub async fn address(task: &Task, own_port_too: bool, left: Duration, cancel: &CancellationToken) -> Option<Mapped> {
    let own_port = Some(task.socket()).filter(|_| own_port_too);
    let servers: Vec<SocketAddr> = own_port.into_iter().chain(task.stun.iter().copied()).collect();
    let answers = join_all(servers.iter().map(|server| ask(*server, left, cancel))).await;
    let at = |(server, mapped): (&SocketAddr, Option<SocketAddr>)| {
        Some(Mapped { address: mapped?.ip().to_canonical(), same_host: server.ip() == task.address })
    };
    let told: Vec<Mapped> = servers.iter().zip(answers).filter_map(at).collect();
    told.iter().find(|m| m.same_host).or_else(|| told.first()).copied()
}

async fn ask(server: SocketAddr, left: Duration, cancel: &CancellationToken) -> Option<SocketAddr> {
    let id = chance::bytes();
    let mut buf = [0; stun::MAX_WRITTEN];
    let len = stun::write_binding_request(&mut buf, id, None, stun::request_len(false))?;
    let request = buf.get(..len)?.to_vec();
    let asking = Asking { target: server, deadline: left, schedule: schedule::SIP_ASIDE, step: Step::Stun };
    let (outcome, _) = asking.ask(cancel, move |_| (request, move |bytes: &[u8]| read(bytes, id))).await.ok()?;
    match outcome.ending {
        Some(Ending::Answered(mapped)) => Some(mapped),
        _ => None,
    }
}

fn read(bytes: &[u8], id: stun::TransactionId) -> Heard<SocketAddr> {
    let Ok(message) = Message::read(bytes) else { return Heard::Other("carried no STUN") };
    let ours = message.class() == Class::Success && message.id() == id;
    message.mapped_address().filter(|_| ours).map_or(Heard::Other("carried no Binding of ours"), Heard::Answer)
}
