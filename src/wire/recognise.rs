//! Which product an HTTP answer comes from: by its headers and the beginning of its body, the surest sign first. Only
//! looks at what it is given, which is bounded; what the product is worth to anybody is not decided here.

use serde_json::Value;

/// Bytes of a body that are looked at.
pub const LOOKED_AT: usize = 64 * 1024;

/// What there is of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    pub status: u16,
    /// Names in lower case, and values, in the order in which they came.
    pub headers: &'a [(String, String)],
    /// The beginning of the body, however it was cut.
    pub body: &'a [u8],
}

/// What an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// rtc-check's own responder, which stands in for any server.
    Responder,
    /// Wowza Streaming Engine, its manager or its REST API.
    Wowza,
    /// Janus Gateway, either API.
    Janus,
    /// A directory of ACME.
    Acme,
    /// A directory or index of packages, or a registry of images.
    Repository,
    /// A service of Amazon Web Services.
    Aws,
    /// Something on the way that answers in the server's place: a captive portal, a filter, a proxy.
    Portal,
    /// It said that TLS is spoken here.
    Tls,
    /// Any web server, by the name it gives itself.
    WebServer,
}

/// A product and what showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    pub kind: Kind,
    /// As people write it, with its version where the answer tells one: of the peer's own words, so not fit to print.
    pub name: String,
    /// `Server header`, `login realm`, `page`, …
    pub by: &'static str,
}

fn found(kind: Kind, name: impl Into<String>, by: &'static str) -> Option<Recognised> {
    Some(Recognised { kind, name: name.into(), by })
}

/// The product, by the surest sign there is; `None` where the answer gives none.
pub fn recognise(page: Page<'_>) -> Option<Recognised> {
    let text = String::from_utf8_lossy(page.body.get(..LOOKED_AT).unwrap_or(page.body));
    let signs = [own, portal, janus_and_acme, wowza, tls_port, repository, aws, web_server];
    signs.iter().find_map(|sign| sign(&page, &text))
}

impl Page<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Any header of that name has `words` in it, whatever the case.
    fn says(&self, name: &str, words: &str) -> bool {
        self.headers.iter().any(|(n, value)| n == name && holds(value, words))
    }
}

/// `words` are in `text`, whatever the case of ASCII letters.
fn holds(text: &str, words: &str) -> bool {
    let (text, words) = (text.as_bytes(), words.as_bytes());
    text.windows(words.len().max(1)).any(|w| w.eq_ignore_ascii_case(words))
}

fn own(page: &Page<'_>, _: &str) -> Option<Recognised> {
    let server = page.header("server").filter(|s| s.starts_with("rtc-check/"))?;
    found(Kind::Responder, format!("{} responder", server.replace('/', " ")), "Server header")
}

/// What answers for a host that it is not. 511 is theirs alone (RFC 6585 section 6), 407 a proxy's.
fn portal(page: &Page<'_>, text: &str) -> Option<Recognised> {
    const BODIES: [(&str, &str); 5] = [
        ("<WISPAccessGatewayParam", "a captive portal (WISPr)"),
        ("FortiGuard", "a FortiGuard web filter"),
        ("Web Page Blocked", "a web filter"),
        ("Cisco Umbrella", "a Cisco Umbrella filter"),
        ("zscaler", "a Zscaler proxy"),
    ];
    match page.status {
        511 => return found(Kind::Portal, "a captive portal", "status 511"),
        407 => return found(Kind::Portal, "a proxy", "status 407"),
        _ => {}
    }
    if page.header("x-squid-error").is_some() {
        return found(Kind::Portal, "a Squid proxy", "X-Squid-Error header");
    }
    if page.says("server", "zscaler") {
        return found(Kind::Portal, "a Zscaler proxy", "Server header");
    }
    let (_, name) = BODIES.iter().find(|(words, _)| holds(text, words))?;
    found(Kind::Portal, *name, "page")
}

/// Both answer in JSON.
fn janus_and_acme(page: &Page<'_>, text: &str) -> Option<Recognised> {
    let value: Value = serde_json::from_str(text.trim()).ok()?;
    let word = |key: &str| value.get(key).and_then(Value::as_str);
    if word("janus").is_some() {
        let version = word("version_string").map(|v| format!(" {v}")).unwrap_or_default();
        return found(Kind::Janus, format!("Janus Gateway{version}"), "JSON");
    }
    // RFC 8555 section 7.1.1: every directory has these.
    if ["newNonce", "newAccount", "newOrder"].iter().all(|key| word(key).is_some()) {
        return found(Kind::Acme, "an ACME directory", "JSON");
    }
    let refused = value.get("errors").is_some_and(Value::is_array) && page.says("www-authenticate", "service=");
    if refused { found(Kind::Repository, "an image registry", "login realm") } else { None }
}

/// The engine names itself in `Server` and its start page, also where a proxy in front of it puts its own name first;
/// the manager lives below /enginemanager; the REST API has a realm of its own.
fn wowza(page: &Page<'_>, text: &str) -> Option<Recognised> {
    let server = page.header("server").unwrap_or_default();
    if let Some(version) = server.strip_prefix("WowzaStreamingEngine/") {
        return found(Kind::Wowza, format!("Wowza Streaming Engine {version}"), "Server header");
    }
    if holds(server, "wowza") {
        return found(Kind::Wowza, server, "Server header");
    }
    if page.says("www-authenticate", "realm=\"Wowza\"") {
        return found(Kind::Wowza, "Wowza's REST API", "login realm");
    }
    if page.says("www-authenticate", "realm=\"Wowza") {
        return found(Kind::Wowza, "Wowza Streaming Engine", "login realm");
    }
    if page.header("location").is_some_and(|l| path_of(l).starts_with("/enginemanager/")) {
        return found(Kind::Wowza, "Wowza Streaming Engine Manager", "redirect to /enginemanager");
    }
    if text.contains("<wowzaServer>") || text.contains("\"wowzaServer\"") {
        return found(Kind::Wowza, "Wowza's REST API", "page");
    }
    let title = title(text).unwrap_or_default();
    ["Wowza Streaming Engine", "Wowza Media Server"]
        .iter()
        .find(|name| title.starts_with(*name))
        .and_then(|_| found(Kind::Wowza, title, "page"))
}

/// How servers answer plain text on the port of their HTTPS.
fn tls_port(page: &Page<'_>, text: &str) -> Option<Recognised> {
    const WORDS: [&str; 4] = [
        "plain HTTP request was sent to HTTPS port",
        "speaking plain HTTP to an SSL-enabled server port",
        "sent an HTTP request to an HTTPS server",
        "This combination of host and port requires TLS",
    ];
    let said = page.status == 400 && WORDS.iter().any(|words| holds(text, words));
    if said { found(Kind::Tls, "an HTTPS server", "page") } else { None }
}

/// Lists of a directory, index files of APT and of Ubuntu's releases, and registries of images.
fn repository(page: &Page<'_>, text: &str) -> Option<Recognised> {
    if page.header("docker-distribution-api-version").is_some() {
        return found(Kind::Repository, "an image registry", "Docker-Distribution-Api-Version header");
    }
    if page.status == 401 && page.says("www-authenticate", "service=") && page.says("www-authenticate", "Bearer") {
        return found(Kind::Repository, "an image registry", "login realm");
    }
    if page.status != 200 {
        return None;
    }
    let line = |start: &str| text.lines().take(64).any(|l| l.starts_with(start));
    if line("Dist: ") && line("Name: ") {
        return found(Kind::Repository, "Ubuntu's list of releases", "page");
    }
    if (line("Origin: ") || line("Suite: ")) && (line("Codename: ") || line("Components: ")) {
        return found(Kind::Repository, "an APT repository", "page");
    }
    let listed = title(text).is_some_and(|t| t.starts_with("Index of "));
    if listed { found(Kind::Repository, "a directory of files", "page") } else { None }
}

fn aws(page: &Page<'_>, text: &str) -> Option<Recognised> {
    let signed = page.header("x-amzn-requestid").is_some() || text.contains("amazonaws.com/doc/");
    if signed { found(Kind::Aws, "Amazon Web Services", "answer") } else { None }
}

fn web_server(page: &Page<'_>, _: &str) -> Option<Recognised> {
    let server = page.header("server").map(str::trim).filter(|s| !s.is_empty())?;
    found(Kind::WebServer, server, "Server header")
}

/// What stands in the page's first title.
fn title(text: &str) -> Option<&str> {
    let begin = text.as_bytes().windows(7).position(|w| w.eq_ignore_ascii_case(b"<title>"))? + 7;
    let rest = text.get(begin..)?;
    rest.split('<').next().map(str::trim)
}

/// The path of an absolute or relative reference.
fn path_of(reference: &str) -> &str {
    match reference.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => reference,
    }
}

#[cfg(test)]
mod tests;
