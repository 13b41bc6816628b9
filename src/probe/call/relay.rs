//! The relay that a call may take: a loopback port in front of the best one whose own check worked. Knows no media.

use std::time::Instant;

use crate::model::{Observation, ProbeKind, Secret, Way, hidden};
use crate::net::engine::Relay;
use crate::net::shim::Shim;
use crate::probe::trial::TrialTask;
use crate::probe::{Settings, relay};

/// A relay that worked without a login is asked without one; the engine wants to have some.
const NO_LOGIN: &str = "anonymous";

/// A relay that stands ready, or why there is none.
#[derive(Default)]
pub struct Ready {
    shim: Option<(Shim, Way)>,
    login: Option<(String, Secret)>,
    note: Option<String>,
}

impl Ready {
    /// For the engine.
    pub fn server(&self) -> Option<Relay> {
        let (shim, _) = self.shim.as_ref()?;
        let (username, password) = self.login.clone()?;
        Some(Relay { address: shim.address(), username, password })
    }

    /// What carries the way to it.
    pub fn way(&self) -> Option<Way> {
        self.shim.as_ref().map(|(_, way)| *way)
    }

    /// What went wrong, as a step that decides nothing.
    pub fn record(&self, obs: &mut Observation) {
        let errors = self.shim.iter().flat_map(|(shim, _)| shim.log()).filter_map(|exchange| exchange.error);
        // The first 401 asks for the login, and each 438 for another nonce.
        let (asked, others): (Vec<_>, Vec<_>) = errors.partition(|(code, _)| *code == 401);
        let others = others.into_iter().filter(|(code, _)| *code != 438);
        let told = asked.into_iter().skip(1).take(1).chain(others);
        let mut notes: Vec<String> = told
            .map(|(code, reason)| format!("the relay answers error {code} ({})", self.without_login(&reason)))
            .collect();
        notes.extend(self.note.clone());
        notes.truncate(4);
        super::report::note(obs, notes);
    }
}

impl Ready {
    fn without_login(&self, text: &str) -> String {
        hidden(text, self.login.iter().map(|(_, password)| password))
    }
}

/// Opens the way to the first relay of the task: calls prefer it.
pub async fn open(task: &TrialTask, settings: &Settings, end: Instant) -> Ready {
    let Some(server) = task.relays.first() else { return Ready::default() };
    let leg = relay::leg(server, settings);
    let mut way = Observation::new(ProbeKind::Turn);
    match Shim::open(&leg, end, &mut way).await {
        Ok(shim) => Ready {
            shim: Some((shim, server.transport.into())),
            login: relay::login(settings)
                .map(|login| (login.username, login.password))
                .or_else(|| Some((NO_LOGIN.to_owned(), Secret::new(NO_LOGIN)))),
            note: None,
        },
        Err(()) => {
            let why = way.failure().map_or("no result", |f| f.detail.as_str());
            Ready { note: Some(format!("the relay {} could not be used: {why}", server.address)), ..Ready::default() }
        }
    }
}
