//! What a machine's abilities and surroundings mean for a run: one line each, in an order in which they are read. Sees
//! plain values; knows no profile, since nothing is tested.

mod allowed;
mod network;

use crate::model::doctor::{Environment, Line, Standing};

/// A line for everything that a run needs or meets.
pub fn lines(seen: &Environment) -> Vec<Line> {
    let may = &seen.allowed;
    let mut all = vec![
        allowed::raw(may),
        allowed::capture(may),
        allowed::error_queue(may, !seen.ways_out.is_empty()),
        allowed::timestamps(may),
        allowed::filters(may),
    ];
    all.extend(may.receive_buffer.map(allowed::receive_buffer));
    all.extend(may.descriptors.map(allowed::descriptors));
    all.extend(may.low_ports.map(allowed::low_ports));
    all.extend(network::ways_out(seen));
    all.extend([network::vpn(seen), network::resolvers(&seen.resolvers), network::proxies(&seen.proxies)]);
    all.extend([network::firewall(&seen.firewall), network::clock(&seen.clock), network::roots(&seen.roots)]);
    all.push(network::system(&seen.system));
    all
}

/// A line with nothing to change.
fn line(id: &str, title: &str, status: Standing, found: impl Into<String>, meaning: impl Into<String>) -> Line {
    let (id, title) = (id.to_owned(), title.to_owned());
    Line { id, title, status, found: found.into(), meaning: meaning.into(), change: None }
}

impl Line {
    fn with(self, change: impl Into<String>) -> Self {
        Self { change: Some(change.into()), ..self }
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed<T: AsRef<str>>(words: &[T]) -> String {
    match words {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests;
