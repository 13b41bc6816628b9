//! Port ranges and sets of ports, folded into inclusive ranges.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One port or an inclusive range of ports; port 0 is never in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// `None` for port 0 or a range that runs backwards.
    pub fn new(first: u16, last: u16) -> Option<Self> {
        (first > 0 && first <= last).then_some(Self { first, last })
    }

    /// A range of one; `None` for port 0.
    pub fn single(port: u16) -> Option<Self> {
        Self::new(port, port)
    }

    /// The lowest port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The highest port.
    pub fn last(self) -> u16 {
        self.last
    }

    /// How many ports, at least 1.
    pub fn count(self) -> u32 {
        u32::from(self.last) - u32::from(self.first) + 1
    }

    /// One port only.
    pub fn is_single(self) -> bool {
        self.first == self.last
    }

    /// Whether `port` lies in it.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// Every port, ascending.
    pub fn iter(self) -> std::ops::RangeInclusive<u16> {
        self.first..=self.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_single() { f.pad(&self.first.to_string()) } else { f.pad(&format!("{}-{}", self.first, self.last)) }
    }
}

impl FromStr for PortRange {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let bad = || format!("`{s}` is neither a port (1-65535) nor a range such as 19099-20099");
        let port = |t: &str| t.trim().parse::<u16>().map_err(|_| bad());
        let (first, last) = match s.split_once('-') {
            Some((a, b)) => (port(a)?, port(b)?),
            None => (port(s)?, port(s)?),
        };
        Self::new(first, last).ok_or_else(bad)
    }
}

/// Text such as `19099-20099` or `443`, in JSON and in the schema.
macro_rules! as_text {
    ($name:ident, $schema:literal) => {
        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $schema })
            }
        }
    };
}
as_text!(PortRange, "^[0-9]+(-[0-9]+)?$");

impl Serialize for PortRange {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PortRange {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A set of ports as ascending, disjoint, non-touching ranges: `["19099", "19500-19599"]` in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PortSet(Vec<PortRange>);

impl PortSet {
    /// The folded ranges, ascending.
    pub fn ranges(&self) -> &[PortRange] {
        &self.0
    }

    /// How many ports. Saturates, because a set read from a file may name a port more than once.
    pub fn count(&self) -> u32 {
        self.0.iter().fold(0, |n, r| n.saturating_add(r.count()))
    }

    /// No port at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `port` is in it.
    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|r| r.contains(port))
    }
}

/// How many ports of a range to ask where the far end is not a responder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortsMode {
    /// All of them.
    All,
    /// A seeded sample of so many.
    Sample(u16),
}

impl FromStr for PortsMode {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "all" => Ok(PortsMode::All),
            _ => match s.parse() {
                Ok(n) if n > 0 => Ok(PortsMode::Sample(n)),
                _ => Err(format!("`{s}` is neither `all` nor a number of ports from 1 to 65535")),
            },
        }
    }
}

impl FromIterator<u16> for PortSet {
    fn from_iter<I: IntoIterator<Item = u16>>(ports: I) -> Self {
        let mut sorted: Vec<u16> = ports.into_iter().filter(|p| *p > 0).collect();
        sorted.sort_unstable();
        let mut ranges: Vec<PortRange> = Vec::new();
        for port in sorted {
            match ranges.last_mut() {
                Some(r) if port <= r.last => {}
                Some(r) if port == r.last + 1 => r.last = port,
                _ => ranges.push(PortRange { first: port, last: port }),
            }
        }
        Self(ranges)
    }
}

impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.pad(&text.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_round_trips_and_nonsense_is_refused() {
        for text in ["1", "443", "19099-20099", "65535", "1-65535"] {
            assert_eq!(text.parse::<PortRange>().map(|r| r.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "0", "0-5", "5-1", "65536", "a", "1-", "-1", "1-2-3"] {
            assert!(text.parse::<PortRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_set_at_the_end_of_the_port_space_does_not_overflow() {
        let set: PortSet = [65534, 65535, 65535, 1].into_iter().collect();
        assert_eq!(set.to_string(), "1, 65534-65535");
        assert_eq!(set.count(), 3);
    }

    proptest! {
        #[test]
        fn a_set_holds_what_was_put_in(ports in proptest::collection::btree_set(1u16..2000, 0..200)) {
            let set: PortSet = ports.iter().copied().collect();
            prop_assert_eq!(set.count() as usize, ports.len());
            prop_assert!((1u16..2000).all(|p| set.contains(p) == ports.contains(&p)));
            prop_assert!(set.ranges().windows(2).all(|w| w[0].last() + 1 < w[1].first()));
        }
    }
}
