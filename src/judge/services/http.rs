//! HTTP, HTTPS, and HTTP that is forwarded: what an answer is worth where any server will do, and where a certain product
//! is expected. Another product never passes, and fails only where it gave its own name; a login is a sign of life.

use crate::model::web::{Left, Product, ProductKind, Redirects};
use crate::model::{Facts, Status, metric};
use crate::profile::{Expected, HttpSpec};

/// The words where no answer was noted.
const UNSEEN: &str = "gave no answer that could be read, so nothing is known of what listens there";

/// An answer as it is judged.
struct Answer {
    code: u16,
    service: Option<Product>,
    redirects: Option<Redirects>,
    /// Where the redirect leads that was not followed.
    location: Option<String>,
    /// The certificate shows that it is the host that answered.
    proven: bool,
}

pub fn status(spec: &HttpSpec, facts: &Facts) -> Status {
    judged(spec, facts).0
}

pub fn words(spec: &HttpSpec, facts: &Facts) -> String {
    judged(spec, facts).1
}

fn judged(spec: &HttpSpec, facts: &Facts) -> (Status, String) {
    let Some(code) = code(facts) else {
        return match facts.get(&metric::OPAQUE) {
            Some(true) => kept_back(spec.expect, facts.get::<String>(&metric::SUBPROTOCOL).as_deref()),
            _ => (Status::Unknown, UNSEEN.to_owned()),
        };
    };
    let answer = Answer {
        code,
        service: facts.get(&metric::SERVICE),
        redirects: facts.get(&metric::REDIRECTS),
        location: facts.get(&metric::REDIRECT),
        proven: facts.has(&metric::TLS_VERSION),
    };
    let in_its_place = answer.in_its_place();
    in_its_place.or_else(|| answer.in_trouble()).unwrap_or_else(|| match spec.expect {
        None | Some(Expected::Host) if code == 400 => (Status::Warn, answer.misunderstood()),
        None if answer.is_led_away() => (Status::Warn, answer.led_away()),
        None => (Status::Pass, answer.told()),
        Some(expected) => answer.held_against(expected),
    })
}

/// A browser reached a server over TLS that it trusts, and shows no page what another site answers: filters that inspect
/// TLS answer so too. A WebSocket that was opened there with its subprotocol shows the server itself.
fn kept_back(expect: Option<Expected>, opened: Option<&str>) -> (Status, String) {
    let answered = "answered the browser over TLS, with a certificate that it trusts";
    match (expect, opened) {
        (None | Some(Expected::Host), Some(protocol)) => {
            (Status::Pass, format!("{answered}, and opened a WebSocket ({protocol}) on the same port"))
        }
        (None | Some(Expected::Host), None) => {
            let words = "a browser does not show what it answered, so a filter may have answered in its place: open it in a tab, or run rtc-check on this machine";
            (Status::Unknown, format!("{answered}; {words}"))
        }
        (Some(expected), _) => {
            let wanted = name(expected);
            (Status::Unknown, format!("{answered}; a browser does not show whether it is {wanted}"))
        }
    }
}

impl Answer {
    fn left(&self) -> Option<Left> {
        self.redirects.as_ref().and_then(|r| r.left)
    }

    /// Over plain HTTP anybody on the way can send clients to a host of their own, and portals do.
    fn is_led_away(&self) -> bool {
        !self.proven && self.left() == Some(Left::AnotherHost)
    }

    fn led_away(&self) -> String {
        format!(
            "{}{}: a captive portal or proxy may answer in its place, or the server has another name; open that address in a browser, and name the host that it should lead to",
            self.told(),
            self.by()
        )
    }

    /// `answered 302 and leads to https://…, which is another host and was not followed`.
    fn told(&self) -> String {
        let code = self.code;
        let to = self.location.as_deref().unwrap_or("elsewhere");
        match self.left() {
            Some(Left::AnotherHost) => {
                format!("answered {code} and leads to {to}, which is another host and was not followed")
            }
            Some(Left::AnotherPort) => {
                format!("answered {code} and leads to {to}, which is another port and was not followed")
            }
            Some(Left::Broken) => format!("answered {code} and leads to {to}, where no answer came"),
            _ => format!("answered {code}"),
        }
    }

    /// What is asked is well formed, and every web server takes it.
    fn misunderstood(&self) -> String {
        format!(
            "answered 400{}, which no web server says to a plain GET: another service may listen there, or one that wants a client's certificate",
            self.by()
        )
    }

    fn by(&self) -> String {
        self.service.as_ref().map(|s| format!(" by {}", s.name)).unwrap_or_default()
    }

    /// A portal, filter or proxy; its status shows it for certain, a page of its own nearly.
    fn in_its_place(&self) -> Option<(Status, String)> {
        let service = self.service.as_ref().filter(|s| s.kind == ProductKind::Portal)?;
        // Words on a page that was given out as good may be the page's own.
        let certain = !(200..300).contains(&self.code) || service.by != "page";
        let status = if certain { Status::Fail } else { Status::Warn };
        let words = format!(
            "answered {}, and it is {} on the way that answers in the server's place (by its {}): log in to it, or have it let this host through",
            self.code, service.name, service.by
        );
        Some((status, words))
    }

    /// It says so itself, or sends its clients round in a circle.
    fn in_trouble(&self) -> Option<(Status, String)> {
        let code = self.code;
        if code >= 500 {
            let words = format!("answered {code}: the server itself is in trouble, look at its log");
            return Some((Status::Warn, words));
        }
        let followed = || self.redirects.as_ref().map(|r| r.followed.join(", ")).unwrap_or_default();
        let words = match self.left()? {
            Left::Circle if followed().is_empty() => {
                format!("answered {code} and redirects to itself: mend the redirect on the server")
            }
            Left::Circle => format!("redirects in a circle ({}): mend the redirects on the server", followed()),
            Left::TooMany => format!("redirects again and again ({}): mend the redirects on the server", followed()),
            Left::Broken => format!("{}: look at that server's log", self.told()),
            Left::Unusable => {
                format!("answered {code} and redirects to what is no address: mend the redirect on the server")
            }
            Left::AnotherHost | Left::AnotherPort => return None,
        };
        Some((Status::Warn, words))
    }

    fn held_against(&self, expected: Expected) -> (Status, String) {
        let (code, wanted) = (self.code, name(expected));
        match &self.service {
            Some(s) if fits(expected, s.kind) => {
                return (Status::Pass, format!("answered {code} as {} (by its {})", s.name, s.by));
            }
            Some(s) if s.kind == ProductKind::Responder => {
                return (Status::Pass, format!("answered {code} by {}, which stands in for {wanted}", s.name));
            }
            Some(s) if expected != Expected::Host && is_certain(s.kind) => {
                let words = format!(
                    "answered {code}, but it is {} that listens there (by its {}) and not {wanted}: another service has this port",
                    s.name, s.by
                );
                return (Status::Fail, words);
            }
            _ => {}
        }
        match expected {
            Expected::Wowza | Expected::Janus | Expected::JanusAdmin => self.product(wanted),
            Expected::Acme | Expected::Repository | Expected::Host => self.fixed_host(expected),
        }
    }

    /// A server of the platform, whose product the answer does not show.
    fn product(&self, wanted: &str) -> (Status, String) {
        let (code, by) = (self.code, self.by());
        match code {
            401 => (Status::Pass, format!("asks for a login (401{by}), so what is behind it was not seen")),
            _ => {
                let told = self.told();
                let words = format!(
                    "{told}{by}, and nothing of {wanted} was seen in it: check which service listens there, and its path"
                );
                (Status::Warn, words)
            }
        }
    }

    /// A host of the Internet. Over plain HTTP anybody on the way can answer for it, so only what it shows passes there.
    fn fixed_host(&self, expected: Expected) -> (Status, String) {
        let (told, by, wanted) = (self.told(), self.by(), name(expected));
        let elsewhere = self.is_led_away();
        let refuses = matches!(self.code, 401 | 403);
        match (expected, self.proven) {
            (Expected::Host, true) => (Status::Pass, told),
            // A portal has a page for whoever asks, or leads elsewhere.
            (Expected::Host, false) if matches!(self.code, 404 | 405 | 410) => {
                (Status::Pass, format!("{told}{by}, though over plain HTTP nothing proves who it was"))
            }
            (Expected::Host, false) if !elsewhere && !refuses => (
                Status::Warn,
                format!(
                    "{told}{by}, though over plain HTTP nothing proves who it was: a captive portal or proxy may answer in its place; see from another network whether it answers the same"
                ),
            ),
            (_, true) if self.code == 401 => {
                (Status::Pass, format!("{told}{by}: it asks for a login, so what is behind it was not seen"))
            }
            (_, true) if refuses => {
                (Status::Pass, format!("{told}{by}: it refuses to be read, so what is behind it was not seen"))
            }
            (_, false) if elsewhere || refuses || (200..300).contains(&self.code) => {
                let words = format!(
                    "{told}{by}, which is not {wanted}: a captive portal or proxy may answer in its place; ask for {wanted} from another network, or have the proxy let it through"
                );
                (Status::Warn, words)
            }
            _ => (
                Status::Warn,
                format!("{told}{by}, and {wanted} was not seen there: check the address, or the mirror's path"),
            ),
        }
    }
}

/// Whether a product of this kind is what is expected.
fn fits(expected: Expected, kind: ProductKind) -> bool {
    match expected {
        Expected::Wowza => kind == ProductKind::Wowza,
        Expected::Janus | Expected::JanusAdmin => kind == ProductKind::Janus,
        Expected::Acme => kind == ProductKind::Acme,
        Expected::Repository => kind == ProductKind::Repository,
        Expected::Host => matches!(kind, ProductKind::Aws | ProductKind::Repository),
    }
}

/// Whether a product of this kind, where another is expected, is the wrong one for certain.
fn is_certain(kind: ProductKind) -> bool {
    matches!(kind, ProductKind::Wowza | ProductKind::Janus | ProductKind::Acme)
}

fn name(expected: Expected) -> &'static str {
    match expected {
        Expected::Wowza => "Wowza Streaming Engine",
        Expected::Janus => "Janus Gateway",
        Expected::JanusAdmin => "Janus Gateway's admin API",
        Expected::Acme => "an ACME directory",
        Expected::Repository => "a repository of packages",
        Expected::Host => "the host itself",
    }
}

/// The document says "Forwarded".
pub fn status_of_redirect(facts: &Facts) -> Status {
    match (facts.has(&metric::REDIRECT), code(facts)) {
        (_, None) => Status::Unknown,
        (true, Some(_)) => Status::Pass,
        (false, Some(_)) => Status::Warn,
    }
}

pub fn words_of_redirect(facts: &Facts) -> String {
    match (facts.get::<String>(&metric::REDIRECT), code(facts)) {
        (_, None) => UNSEEN.to_owned(),
        (Some(to), _) => format!("redirects to {to}"),
        (None, Some(code)) => format!("answered {code} and does not forward to HTTPS: configure the redirect"),
    }
}

fn code(facts: &Facts) -> Option<u16> {
    facts.get(&metric::HTTP_STATUS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ProductKind::{Acme, Aws, Janus, Portal, Repository, Responder, WebServer, Wowza};

    /// The answer's code, the kind of its product, whether TLS proved the host, and why a redirect was left.
    type Given = (u16, Option<ProductKind>, bool, Option<Left>);
    const AWAY: Option<Left> = Some(Left::AnotherHost);

    fn judged(expect: Option<Expected>, (code, kind, tls, left): Given) -> (Status, String) {
        let mut facts = Facts::new();
        facts.set(&metric::HTTP_STATUS, code);
        if let Some(kind) = kind {
            facts.set(
                &metric::SERVICE,
                Product {
                    kind,
                    name: "Name/1.0".to_owned(),
                    by: if kind == Portal { "page" } else { "Server header" }.to_owned(),
                },
            );
        }
        if tls {
            facts.set(&metric::TLS_VERSION, "TLSv1.3");
        }
        if left.is_some() {
            facts.set(&metric::REDIRECT, "http://portal.example/login");
            facts.set(&metric::REDIRECTS, Redirects { followed: vec!["/a".to_owned(), "/b".to_owned()], left });
        }
        let spec = HttpSpec { tls, either: false, path: "/".to_owned(), expect };
        super::judged(&spec, &facts)
    }

    fn is(expect: Option<Expected>, given: Given, status: Status, said: &str) {
        let (found, words) = judged(expect, given);
        assert_eq!(found, status, "{expect:?} {given:?}: {words}");
        assert!(words.contains(said), "{expect:?} {given:?}: {words}");
    }

    #[test]
    fn any_server_will_do_where_no_product_is_expected() {
        is(None, (200, None, false, None), Status::Pass, "answered 200");
        is(None, (404, Some(WebServer), false, None), Status::Pass, "answered 404");
        is(None, (302, None, false, AWAY), Status::Warn, "leads to http://portal.example/login, which is another host");
        is(None, (302, None, false, AWAY), Status::Warn, "a captive portal or proxy may answer in its place");
        is(None, (302, None, true, AWAY), Status::Pass, "leads to http://portal.example/login");
        is(None, (302, None, false, Some(Left::AnotherPort)), Status::Pass, "another port");
        is(None, (400, Some(WebServer), false, None), Status::Warn, "400 by Name/1.0");
        is(None, (502, Some(WebServer), true, None), Status::Warn, "in trouble");
        is(None, (302, None, false, Some(Left::Circle)), Status::Warn, "in a circle (/a, /b)");
        is(None, (302, None, false, Some(Left::TooMany)), Status::Warn, "again and again");
        is(None, (302, None, false, Some(Left::Broken)), Status::Warn, "where no answer came");
        is(None, (511, Some(Portal), false, None), Status::Fail, "in the server's place");
        is(None, (403, Some(Portal), false, None), Status::Fail, "in the server's place");
        is(None, (200, Some(Portal), false, None), Status::Warn, "in the server's place");
    }

    #[test]
    fn the_product_that_is_expected_passes_and_a_login_is_alive() {
        for (expected, kind) in [
            (Expected::Wowza, Wowza),
            (Expected::Janus, Janus),
            (Expected::JanusAdmin, Janus),
            (Expected::Acme, Acme),
            (Expected::Repository, Repository),
        ] {
            is(Some(expected), (200, Some(kind), false, None), Status::Pass, "as Name/1.0 (by its Server header)");
            is(Some(expected), (401, Some(WebServer), true, None), Status::Pass, "what is behind it was not seen");
            is(Some(expected), (200, Some(Responder), false, None), Status::Pass, "stands in for");
            is(Some(expected), (503, Some(kind), false, None), Status::Warn, "in trouble");
            is(Some(expected), (404, Some(WebServer), true, None), Status::Warn, "Name/1.0");
            is(Some(expected), (407, Some(Portal), false, None), Status::Fail, "in the server's place");
        }
        is(Some(Expected::Wowza), (401, None, false, None), Status::Pass, "what is behind it was not seen");
        is(Some(Expected::Wowza), (403, None, false, None), Status::Warn, "nothing of Wowza");
    }

    #[test]
    fn another_product_fails_where_it_gave_its_name_and_warns_where_nothing_is_certain() {
        is(Some(Expected::Wowza), (200, Some(Janus), false, None), Status::Fail, "Name/1.0 that listens there");
        is(Some(Expected::Janus), (404, Some(Wowza), true, None), Status::Fail, "and not Janus Gateway");
        is(Some(Expected::Janus), (200, Some(WebServer), true, None), Status::Warn, "nothing of Janus Gateway");
        is(Some(Expected::Wowza), (404, None, false, None), Status::Warn, "nothing of Wowza");
        is(Some(Expected::Wowza), (200, Some(Repository), false, None), Status::Warn, "nothing of Wowza");
    }

    #[test]
    fn nobody_answers_in_the_place_of_a_fixed_host() {
        let repository = Some(Expected::Repository);
        is(repository, (200, Some(WebServer), false, None), Status::Warn, "captive portal or proxy");
        is(repository, (302, None, false, AWAY), Status::Warn, "captive portal or proxy");
        is(repository, (403, Some(WebServer), false, None), Status::Warn, "captive portal or proxy");
        is(repository, (401, Some(WebServer), false, None), Status::Warn, "captive portal or proxy");
        is(repository, (403, Some(WebServer), true, None), Status::Pass, "refuses to be read");
        is(repository, (200, Some(WebServer), true, None), Status::Warn, "was not seen there");
        is(repository, (404, Some(WebServer), true, None), Status::Warn, "was not seen there");
        is(Some(Expected::Acme), (200, Some(WebServer), true, None), Status::Warn, "was not seen there");
        let host = Some(Expected::Host);
        is(host, (404, Some(WebServer), false, None), Status::Pass, "nothing proves who it was");
        is(host, (200, Some(WebServer), false, None), Status::Warn, "captive portal or proxy");
        is(host, (401, Some(WebServer), false, None), Status::Warn, "captive portal or proxy");
        is(host, (302, None, false, AWAY), Status::Warn, "captive portal or proxy");
        is(host, (302, None, true, AWAY), Status::Pass, "another host");
        is(host, (400, Some(WebServer), true, None), Status::Warn, "400 by Name/1.0");
        is(host, (404, Some(WebServer), true, None), Status::Pass, "answered 404");
        is(host, (403, Some(Aws), true, None), Status::Pass, "as Name/1.0");
    }
}
