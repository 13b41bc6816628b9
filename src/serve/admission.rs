//! How many TCP connections, or WebSockets among them, may be open, in all and from one source. Knows no socket; its
//! memory is bounded by the number of open connections.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::counters::Cut;
use crate::session::limits::source_key;

/// Counts open connections.
#[derive(Clone)]
pub(super) struct Admission {
    total: u32,
    per_source: u32,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    total: u32,
    by_source: HashMap<u64, u32>,
}

impl Admission {
    pub(super) fn new(total: u32, per_source: u32) -> Self {
        Self { total, per_source, open: Arc::default() }
    }

    /// A place for a connection from `source`, held as long as the pass is.
    pub(super) fn enter(&self, source: IpAddr) -> Result<Pass, Cut> {
        self.enter_as(source_key(source), source)
    }

    /// A place here for a connection that has one elsewhere.
    pub(super) fn enter_too(&self, elsewhere: &Pass) -> Result<Pass, Cut> {
        self.enter_as(elsewhere.source, elsewhere.address)
    }

    fn enter_as(&self, source: u64, address: IpAddr) -> Result<Pass, Cut> {
        let mut open = self.lock();
        if open.total >= self.total {
            return Err(Cut::TotalLimit);
        }
        let own = open.by_source.get(&source).copied().unwrap_or(0);
        if own >= self.per_source {
            return Err(Cut::SourceLimit);
        }
        open.total += 1;
        open.by_source.insert(source, own + 1);
        Ok(Pass { admission: self.clone(), source, address })
    }

    fn leave(&self, source: u64) {
        let mut open = self.lock();
        open.total = open.total.saturating_sub(1);
        if let Some(own) = open.by_source.get_mut(&source) {
            *own -= 1;
            if *own == 0 {
                open.by_source.remove(&source);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is given back when this is dropped.
pub(super) struct Pass {
    admission: Admission,
    source: u64,
    address: IpAddr,
}

impl Pass {
    /// Whose it is.
    pub(super) fn source(&self) -> IpAddr {
        self.address.to_canonical()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.admission.leave(self.source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_a_source_and_in_all_and_given_back() {
        let admission = Admission::new(3, 2);
        let ip = |s: &str| -> IpAddr { s.parse().unwrap() };
        let first = admission.enter(ip("192.0.2.1")).ok().unwrap();
        let _second = admission.enter(ip("::ffff:192.0.2.1")).ok().unwrap();
        assert_eq!(admission.enter(ip("192.0.2.1")).err(), Some(Cut::SourceLimit));
        let third = admission.enter(ip("2001:db8::1")).ok().unwrap();
        assert_eq!(admission.enter(ip("2001:db8::2")).err(), Some(Cut::TotalLimit));
        drop((first, third));
        assert!(admission.enter(ip("192.0.2.1")).is_ok());
        assert_eq!(admission.lock().by_source.len(), 1, "nothing is kept of who left");
    }

    #[test]
    fn a_place_among_the_websockets_is_counted_for_the_same_source() {
        let (connections, websockets) = (Admission::new(9, 9), Admission::new(9, 1));
        let source = "192.0.2.1".parse().unwrap();
        let pass = connections.enter(source).ok().unwrap();
        let place = websockets.enter_too(&pass).ok().unwrap();
        assert_eq!(websockets.enter(source).err(), Some(Cut::SourceLimit));
        drop(place);
        assert!(websockets.enter_too(&pass).is_ok());
        assert_eq!(connections.lock().total, 1);
    }
}
