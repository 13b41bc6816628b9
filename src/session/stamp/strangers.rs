//! Sessions of senders that were granted none: state in a table whose size never changes, under a seeded hash, so that
//! spoofed sources cost no memory. A session that was silent for [`IDLE`] begins anew. Knows no socket and no clock.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

use super::Track;

/// After such a silence a session's state is forgotten.
pub const IDLE: Duration = Duration::from_secs(2);

/// Sessions of one hash that have state at once; further ones are answered without, until one of them is silent.
const WAYS: usize = 8;

/// Sets of [`WAYS`].
const SETS: usize = 512;

#[derive(Clone, Debug, Default)]
struct Place {
    /// Hash of the session's ends and identifier; 0: nobody.
    id: u64,
    last: Duration,
    track: Track,
}

/// The table.
pub struct Strangers {
    places: Box<[Place]>,
    seed: u128,
}

impl Strangers {
    /// An empty table; `seed` must be secret and random.
    pub fn new(seed: u128) -> Self {
        Self { places: vec![Place::default(); SETS * WAYS].into_boxed_slice(), seed }
    }

    /// Its size in bytes, the same for ever.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.places)
    }

    /// The state of the session between these ends, fresh where it was silent for two seconds; `None` where all places that
    /// it could have are in use.
    pub fn track(&mut self, from: SocketAddr, to: SocketAddr, ssid: u16, now: Duration) -> Option<&mut Track> {
        let mut hasher = DefaultHasher::new();
        hasher.write_u128(self.seed);
        (from, to, ssid).hash(&mut hasher);
        let id = hasher.finish().max(1);
        let set = self.places.chunks_exact_mut(WAYS).nth(id as usize % SETS)?;
        let idle = |p: &Place| p.id == 0 || now.saturating_sub(p.last) > IDLE;
        let place = match set.iter().position(|p| p.id == id) {
            Some(own) => set.get_mut(own)?,
            None => set.iter_mut().find(|p| idle(p))?,
        };
        if place.id != id || idle(place) {
            *place = Place { id, ..Place::default() };
        }
        place.last = now;
        Some(&mut place.track)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: u32) -> SocketAddr {
        SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 4000 + (n >> 16) as u16))
    }

    const HERE: ([u8; 4], u16) = ([198, 51, 100, 1], 862);

    #[test]
    fn a_session_keeps_its_state_until_it_is_silent_for_two_seconds() {
        let mut table = Strangers::new(1);
        let mut next = |n: u32, ssid: u16, ms: u64| {
            let track = table.track(at(n), HERE.into(), ssid, Duration::from_millis(ms)).unwrap();
            track.next += 1;
            track.next
        };
        assert_eq!([next(1, 0, 0), next(1, 0, 2000), next(2, 0, 2000), next(1, 9, 2000)], [1, 2, 1, 1]);
        assert_eq!([next(1, 0, 4000), next(1, 0, 6001), next(2, 0, 6001)], [3, 1, 1]);
    }

    #[test]
    fn a_flood_of_sources_takes_no_memory_and_leaves_known_ones_their_state() {
        let mut table = Strangers::new(2);
        let before = table.bytes();
        assert!(before < 1 << 20, "{before}");
        let (mut with_state, mut honest) = (0, 0);
        for n in 0..100_000u32 {
            let now = Duration::from_micros(u64::from(n) * 50);
            with_state += u32::from(table.track(at(n), HERE.into(), 0, now).is_some());
            if n % 1000 == 0 {
                let track = table.track(at(0), HERE.into(), 0, now).unwrap();
                honest += 1;
                track.next += 1;
                assert_eq!(track.next, honest, "{n}");
            }
        }
        assert_eq!(table.bytes(), before);
        assert!(with_state > 4096, "places of the silent are taken over: {with_state}");
    }

    #[test]
    fn a_thousand_sessions_at_once_all_have_state() {
        let mut table = Strangers::new(3);
        let without = (0..1000).filter(|n| table.track(at(*n), HERE.into(), 0, Duration::ZERO).is_none()).count();
        assert!(without <= 2, "{without}");
    }
}
