//! What stands under which key of a report. Knows no text.

use serde_json::Value;

/// What a value may hold, by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// Text, in which anything may stand.
    Anything,
    /// One of the program's own words or a document's: never touched.
    Nothing,
    /// Hosts by role.
    Targets,
    /// The name or address of a host, whatever its form.
    Host,
    /// A host where it has a port or the form of a domain name; a product else.
    MaybeHost,
    /// Ids of checks: `rule/host/address`.
    Check,
    User,
    Realm,
    /// An interface of this machine, which its administrator may have named.
    Interface,
    /// Headers of HTTP, `name: value`.
    Headers,
    /// A distinguished name of a certificate.
    Holder,
    /// A product's name and version: four numbers are a version there, unless they are an address that is known.
    Software,
    /// The hash of a certificate, by which a public log finds its names.
    Fingerprint,
}

impl Holds {
    /// Of `value` under `key`, in what holds `outer`.
    pub(super) fn of(key: &str, value: &Value, outer: Holds) -> Holds {
        let is_words = value.is_string() || value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
        match key {
            // A row of a document has many keys of its own.
            _ if outer == Holds::Nothing => Holds::Nothing,
            "source" if value.get("document").is_some() => Holds::Nothing,
            "ports" | "redacted" if is_words => Holds::Nothing,
            _ if names_no_host(key) && is_words => Holds::Nothing,
            "targets" => Holds::Targets,
            "target" | "host" | "hosts" | "names" | "sni" | "server_name" | "cname" | "domain" | "search"
            | "hostname" | "exempt" => Holds::Host,
            _ if outer == Holds::Targets => Holds::Host,
            _ if outer == Holds::Headers => Holds::Headers,
            "server" | "servers" | "proxy" | "redirect" | "relay" | "resolver" => Holds::MaybeHost,
            "id" | "check" | "checks" => Holds::Check,
            "user" | "username" => Holds::User,
            "realm" => Holds::Realm,
            "interface" | "interfaces" | "through" if is_words => Holds::Interface,
            "http_headers" => Holds::Headers,
            "subject" | "issuer" => Holds::Holder,
            "sha256" => Holds::Fingerprint,
            "kernel" | "distribution" | "http_server" | "stun_software" | "sip_server" | "rtsp_server" | "software"
            | "version" | "banner" | "capabilities" | "user_agent" | "vendor_ids" | "product" => Holds::Software,
            _ => Holds::Anything,
        }
    }
}

/// Keys whose words are identifiers or of closed sets.
pub(super) fn names_no_host(key: &str) -> bool {
    const KEYS: [&str; 22] = [
        "schema",
        "probe",
        "role",
        "rule",
        "transport",
        "need",
        "status",
        "group",
        "op",
        "unit",
        "event",
        "phase",
        "step",
        "kind",
        "way",
        "profile",
        "metric",
        "verdict",
        "ended",
        "who",
        "change",
        "matched",
    ];
    KEYS.contains(&key)
}
