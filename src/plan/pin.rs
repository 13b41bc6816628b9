//! Who is expected to have issued certificates: the operator's word, else the profile's.

use crate::model::{Issuer, RoleName, Source};
use crate::profile::Profile;

use super::Request;

/// One that may have issued the certificates of a role's hosts, or of every target's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// `None`: every role.
    pub role: Option<RoleName>,
    pub issuer: Issuer,
}

/// What a plan takes certificates for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    pins: Vec<Pin>,
    /// So many of them, the first, are the operator's own; the others are the profile's.
    given: usize,
    /// The row in which the document takes it that TLS is inspected on the way.
    pub inspection: Option<Source>,
}

impl Trust {
    pub(super) fn of(profile: &Profile, request: &Request) -> Self {
        let is_named = |role: &RoleName| request.pins.iter().any(|p| p.role.as_ref() == Some(role));
        let of_role = |(role, issuers): (&RoleName, &[Issuer])| {
            issuers.iter().map(|i| Pin { role: Some(role.clone()), issuer: i.clone() }).collect::<Vec<_>>()
        };
        let roles = profile.roles.iter().map(|(name, role)| (name, role.issuer.as_slice()));
        let documents = roles.filter(|(name, _)| !is_named(name)).flat_map(of_role);
        let pins = request.pins.iter().cloned().chain(documents).collect();
        Self { pins, given: request.pins.len(), inspection: profile.inspection.clone() }
    }

    /// Who expects them: `--pin` or the profile.
    pub fn expects(&self, role: &RoleName) -> &'static str {
        let is_given = self.pins.iter().take(self.given).any(|p| p.role.as_ref().is_none_or(|r| r == role));
        if is_given { "by --pin" } else { "by the profile" }
    }

    /// Any of these may have issued the certificates of the role's hosts; none: anybody may.
    pub fn expected(&self, role: &RoleName) -> Vec<&Issuer> {
        self.pins.iter().filter(|p| p.role.as_ref().is_none_or(|r| r == role)).map(|p| &p.issuer).collect()
    }
}
