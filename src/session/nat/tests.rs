//! Every NAT against servers honest and otherwise, over a link that loses datagrams: never a wrong type.

use std::time::Duration;

use super::behaviour::{self, Behaviour, Outcome, Plan};
use super::scout::{self, Answer, Ending, Scout};
use super::simulated::{Manner, OTHER, PLAIN, Ports, SERVER, Server, World, at};
use super::*;
use crate::session::lossy::zero;

const TYPES: [Kind; 3] = [Kind::EndpointIndependent, Kind::AddressDependent, Kind::AddressAndPortDependent];

/// Every NAT that chooses ports so, and no NAT with every firewall and without.
fn that_choose(ports: &'static [Ports]) -> impl Iterator<Item = Manner> {
    let nats = TYPES.iter().flat_map(|mapping| TYPES.map(|filtering| (*mapping, filtering)));
    let firewalls = [Kind::None, Kind::EndpointIndependent, Kind::AddressDependent, Kind::AddressAndPortDependent];
    let kinds = nats.chain(firewalls.map(|filtering| (Kind::None, filtering)));
    kinds.flat_map(|(m, f)| ports.iter().map(move |p| Manner::new(m, f, *p)))
}

/// Of every kind of port.
fn manners() -> impl Iterator<Item = Manner> {
    that_choose(&[Ports::Preserved, Ports::Random, Ports::Next])
}

/// The kinds alone.
fn kinds() -> impl Iterator<Item = Manner> {
    that_choose(&[Ports::Random])
}

/// Scouts, then tests as the probe does; also how long it took and how many datagrams.
fn find(world: &mut World, servers: &[&str], seed: u64) -> Option<(Outcome, Duration, u32)> {
    let servers: Vec<SocketAddr> = servers.iter().map(|s| at(s)).collect();
    let secret = [seed as u8; 32];
    let mut scouting = Scout::new(world.now, &servers, &secret, None);
    let mut took = world.run(&mut scouting, scout::LONGEST);
    let answers: Vec<(SocketAddr, Answer)> = scouting
        .found()
        .into_iter()
        .filter_map(|f| match f.ending {
            Ending::Answered(answer) => Some((f.server, answer)),
            _ => None,
        })
        .collect();
    let capable = answers.iter().find(|(_, a)| a.other.is_ok());
    let (server, answer) = capable.or(answers.first())?;
    let other = answer.other.ok();
    let more = answers.iter().map(|(s, _)| *s).filter(|s| s != server && other.is_none()).collect();
    let plan = Plan { server: *server, other, more, rtt: answer.rtt };
    let mut session = Behaviour::new(world.now, plan, &[!(seed as u8); 32], None);
    took += world.run(&mut session, behaviour::LONGEST);
    Some((session.outcome(), took, scouting.sent + session.datagrams()))
}

/// How often mapping and filtering were told, and told wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    runs: u32,
    wrong: u32,
    mapping_unknown: u32,
    filtering_unknown: u32,
    /// Nothing is kept out, and only that answers are let in was shown.
    weaker: u32,
}

/// Whether something was told that is not so. Letting everybody answer is also what no filter at all does, which takes more
/// to show.
fn wrong(manner: Manner, found: &Outcome) -> bool {
    let right = manner.filtering;
    let alike = |kind| kind == right || (right == Kind::None && kind == Kind::EndpointIndependent);
    found.mapping.as_ref().is_ok_and(|kind| *kind != manner.mapping)
        || found.filtering.as_ref().is_ok_and(|k| !alike(*k))
}

fn count(manner: Manner, server: Server, servers: &[&str], seeds: u64, loss: f64) -> Tally {
    let mut tally = Tally::default();
    for seed in 0..seeds {
        tally.runs += 1;
        let mut world = World::new(zero(), seed * 7919 + 13, loss, 40, manner, server);
        let Some((found, _, _)) = find(&mut world, servers, seed) else {
            tally.mapping_unknown += 1;
            tally.filtering_unknown += 1;
            continue;
        };
        if wrong(manner, &found) {
            eprintln!("{manner:?} {server:?} seed {seed}: {found:?}");
            tally.wrong += 1;
        }
        tally.weaker += u32::from(found.filtering.as_ref().is_ok_and(|kind| *kind != manner.filtering));
        tally.mapping_unknown += u32::from(found.mapping.is_err());
        tally.filtering_unknown += u32::from(found.filtering.is_err());
    }
    tally
}

#[test]
fn an_honest_server_shows_every_type_right_with_ten_percent_loss_each_way() {
    let mut all = Tally::default();
    for manner in manners() {
        let tally = count(manner, Server::Honest, &[SERVER], 100, 0.1);
        assert_eq!(tally.wrong, 0, "{manner:?}");
        assert!(tally.mapping_unknown < 5 && tally.filtering_unknown < 5 && tally.weaker < 5, "{manner:?}: {tally:?}");
        all.runs += tally.runs;
        all.mapping_unknown += tally.mapping_unknown;
        all.filtering_unknown += tally.filtering_unknown;
    }
    eprintln!("{all:?}");
    assert!(all.runs >= 3000 && all.mapping_unknown + all.filtering_unknown < all.runs / 100, "{all:?}");
}

#[test]
fn without_loss_nothing_is_unknown_and_it_is_soon_told() {
    for manner in manners() {
        for rtt in [1, 40, 300] {
            let mut world = World::new(zero(), 5, 0.0, rtt, manner, Server::Honest);
            let (found, took, sent) = find(&mut world, &[SERVER], 5).unwrap();
            assert_eq!((&found.mapping, &found.filtering), (&Ok(manner.mapping), &Ok(manner.filtering)));
            let silent = !matches!(manner.filtering, Kind::None | Kind::EndpointIndependent);
            let round_trips = Duration::from_millis(rtt * 6 + 24);
            let most = round_trips
                + Duration::from_millis(if silent || manner.mapping != Kind::None {
                    1900
                } else if manner.filtering != Kind::None {
                    1400
                } else {
                    0
                });
            assert!(took <= most, "{manner:?} at {rtt} ms: {took:?}");
            assert!(sent <= 90, "{sent}");
            assert_eq!(
                found.varies,
                Some(matches!(manner.mapping, Kind::AddressDependent | Kind::AddressAndPortDependent))
            );
        }
    }
}

#[test]
fn heavy_loss_makes_it_unknown_and_never_wrong() {
    for loss in [0.2, 0.3, 0.5] {
        for manner in kinds() {
            let tally = count(manner, Server::Honest, &[SERVER], 30, loss);
            assert_eq!(tally.wrong, 0, "{manner:?} at {loss}");
        }
    }
}

#[test]
fn servers_that_cannot_or_lie_give_no_wrong_type_and_no_filtering() {
    let liars = [
        Server::Plain,
        Server::NamesItself,
        Server::NamesInside,
        Server::Ignores,
        Server::Refuses,
        Server::Mute,
        Server::PortOnly,
        Server::Elsewhere,
        Server::Gone,
        Server::KeptBack,
    ];
    for server in liars {
        for manner in kinds() {
            for loss in [0.0, 0.1] {
                let tally = count(manner, server, &[SERVER], 10, loss);
                assert_eq!((tally.wrong, tally.filtering_unknown), (0, tally.runs), "{server:?} {manner:?}");
            }
        }
    }
}

#[test]
fn without_response_port_a_mapping_that_varies_leaves_silence_unproven() {
    for server in [Server::WithoutResponsePort, Server::RefusesResponsePort] {
        for manner in kinds() {
            let tally = count(manner, server, &[SERVER], 30, 0.1);
            assert_eq!((tally.wrong, tally.mapping_unknown), (0, 0), "{server:?} {manner:?}");
            let varies = matches!(manner.mapping, Kind::AddressDependent | Kind::AddressAndPortDependent);
            let open = manner.filtering == Kind::EndpointIndependent;
            if !varies {
                assert!(tally.filtering_unknown < 2, "{manner:?} {tally:?}");
            } else if !open && manner.mapping == Kind::AddressAndPortDependent {
                assert_eq!(tally.filtering_unknown, tally.runs, "{manner:?}");
            }
        }
    }
}

#[test]
fn two_servers_tell_the_mapping_as_far_as_they_can() {
    for manner in kinds() {
        for seed in 0..50 {
            for (servers, ports) in [(&[SERVER, PLAIN[0]][..], false), (&[SERVER, PLAIN[0], PLAIN[1]], true)] {
                let mut world = World::new(zero(), seed, 0.1, 40, manner, Server::Plain);
                let Some((found, _, _)) = find(&mut world, servers, seed) else { continue };
                match (manner.mapping, &found.mapping) {
                    (kind, Ok(told)) => assert_eq!(kind, *told, "{found:?}"),
                    (Kind::AddressDependent | Kind::AddressAndPortDependent, Err(why)) => {
                        assert!(!ports || found.servers.len() < 3, "{why}");
                        assert!(found.varies != Some(false), "{found:?}");
                    }
                    (_, Err(why)) => assert!(found.servers.len() < 2, "{why}"),
                }
                assert!(found.filtering.is_err());
            }
        }
    }
}

#[test]
fn a_nat_that_hairpins_is_known_by_it_and_one_that_does_not_is_not() {
    for hairpin in [true, false] {
        for filtering in TYPES {
            let manner = Manner { hairpin, ..Manner::new(Kind::EndpointIndependent, filtering, Ports::Random) };
            for seed in 0..50 {
                let mut world = World::new(zero(), seed, 0.1, 40, manner, Server::Honest);
                let (found, _, _) = find(&mut world, &[SERVER], seed).unwrap();
                assert_eq!(found.hairpin, Some(hairpin), "{filtering:?} {seed}");
            }
        }
    }
    let open = Manner::new(Kind::None, Kind::None, Ports::Preserved);
    let (found, _, _) = find(&mut World::new(zero(), 1, 0.0, 40, open, Server::Honest), &[SERVER], 1).unwrap();
    assert_eq!(found.hairpin, None, "nothing is translated");
}

#[test]
fn a_silent_server_is_given_up_in_time() {
    let manner = Manner::new(Kind::EndpointIndependent, Kind::AddressDependent, Ports::Random);
    let mut world = World::new(zero(), 1, 0.0, 40, manner, Server::Silent);
    let mut scouting = Scout::new(world.now, &[at(SERVER)], &[1; 32], None);
    assert!(world.run(&mut scouting, Duration::from_secs(60)) <= scout::LONGEST);
    assert_eq!((scouting.found()[0].ending.clone(), scouting.sent), (Ending::Silence, 5));
}

#[test]
fn only_another_address_of_a_host_is_believed() {
    let ok = |server: &str, other: &str| believable(at(server), at(other)).is_ok();
    assert!(ok(SERVER, OTHER) && ok("127.0.0.1:3478", "127.0.0.2:3479") && ok("10.0.0.1:1", "10.0.0.2:2"));
    assert!(ok("10.0.0.1:1", "198.51.100.2:2") && ok("[2001:db8::1]:1", "[2001:db8::2]:2"));
    for other in [SERVER, "198.51.100.10:3479", "198.51.100.20:3478", "198.51.100.20:0", "10.0.0.2:3479"] {
        assert!(!ok(SERVER, other), "{other}");
    }
    for other in ["127.0.0.1:3479", "0.0.0.0:3479", "224.0.0.1:3479", "[2001:db8::1]:3479", "255.255.255.255:9"] {
        assert!(!ok(SERVER, other), "{other}");
    }
    assert!(!ok("[2001:db8::1]:1", "[::1]:2") && !ok("[2001:db8::1]:1", "[fd00::1]:2"));
}
