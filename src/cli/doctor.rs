//! `rtc-check doctor`: what this machine allows, and how it stands to the network. Sends nothing to it.

use crate::judge;
use crate::model::doctor::{DOCTOR_SCHEMA, Doctor, Program, Proxies, ProxyVariable};
use crate::net::environment::environment;
use crate::net::{clock, host::Root};
use crate::redact::Redactor;
use crate::report::doctor::{Format, render};

use super::args::{DoctorArgs, ListFormat};
use super::files::Output;
use super::{Unusable, exit, output, proxies, secrets};

/// `rtc-check doctor …`: informs, so it exits with 0 whatever it finds.
pub fn command(args: &DoctorArgs) -> Result<u8, Unusable> {
    let redactor = output::redactor(&args.redact);
    let doctor = redacted(look(), &mut output::locked(&redactor))?;
    let format = match args.format {
        ListFormat::Table => Format::Table,
        ListFormat::Json => Format::Json,
    };
    match args.output.as_deref().filter(|path| path.as_os_str() != "-") {
        Some(path) => {
            Output::open(path)?.replace(&render(&doctor, format, &output::plain(args.width)))?;
            Ok(exit::PASS)
        }
        None => output::print(&render(&doctor, format, &output::terminal(args.width))),
    }
}

/// Looks at this machine now.
pub fn look() -> Doctor {
    let environment = environment(&Root::default(), of_environment(secrets::variable), &stores(secrets::variable));
    Doctor {
        schema: DOCTOR_SCHEMA.to_owned(),
        tool: Program {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            features: cfg!(feature = "media").then(|| "media".to_owned()).into_iter().collect(),
        },
        taken: clock::rfc3339(&clock::utc()),
        lines: judge::doctor::lines(&environment),
        environment,
        redacted: Vec::new(),
    }
}

/// With tokens, where the redactor is asked for any.
///
/// # Errors
/// A defect of the redaction: nothing may be shown then.
pub fn redacted(doctor: Doctor, redactor: &mut Redactor) -> Result<Doctor, Unusable> {
    Ok(redactor.doctor(&doctor)?)
}

/// Where roots are from, when the environment says so.
fn stores(variable: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let set = |name: &str| Some((name.to_owned(), variable(name).filter(|v| !v.is_empty())?));
    ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(set).collect()
}

/// What the environment says of proxies, without any login.
fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Proxies {
    let set = |name: &str| {
        let small = name.to_ascii_lowercase();
        let both = [(small.clone(), variable(&small)), (name.to_owned(), variable(name))];
        both.into_iter().find_map(|(name, value)| Some((name, value?.trim().to_owned()))).filter(|(_, v)| !v.is_empty())
    };
    let named = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"].into_iter().filter_map(set);
    let variables = named.map(|(name, url)| match proxies::of_environment(&name, &url) {
        Ok(proxy) => ProxyVariable {
            variable: name,
            proxy: Some(proxy.to_string()),
            has_login: proxy.login.is_some(),
            why: None,
        },
        Err(Unusable(why)) => ProxyVariable { variable: name, proxy: None, has_login: false, why: Some(why) },
    });
    let variables: Vec<ProxyVariable> = variables.collect();
    let list = set("NO_PROXY").map(|(_, list)| list).unwrap_or_default();
    let words = list.split([',', ' ', '\t', ';']).filter(|word| !word.is_empty());
    let exempt: Vec<String> = words.take(256).map(|word| crate::report::clean(word, true)).collect();
    let exempts_all = exempt.iter().any(|word| word == "*");
    Proxies { variables, exempt: exempt.into_iter().filter(|word| word != "*").collect(), exempts_all }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_told_without_their_login() {
        let set = |name: &str| {
            let value = match name {
                "HTTPS_PROXY" => "http://bob:hunter2@proxy.corp.example:3128/",
                "http_proxy" => "ftp://bob:hunter2@x:1",
                "no_proxy" => "*, .corp.example;10.0.0.0/8",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let told = of_environment(set);
        assert!(!format!("{told:?}").contains("hunter2") && !format!("{told:?}").contains("bob"), "{told:?}");
        let [https, http] = told.variables.as_slice() else { panic!("{told:?}") };
        assert_eq!((https.variable.as_str(), https.has_login), ("HTTPS_PROXY", true));
        assert_eq!(https.proxy.as_deref(), Some("http://proxy.corp.example:3128"));
        assert_eq!((http.variable.as_str(), http.proxy.as_deref()), ("http_proxy", None));
        assert!(http.why.as_ref().unwrap().contains("plain HTTP or SOCKS5"));
        assert_eq!(
            (told.exempts_all, told.exempt.as_slice()),
            (true, &[".corp.example".into(), "10.0.0.0/8".into()][..])
        );
        assert_eq!(of_environment(|_| None), Proxies::default());
        assert_eq!(
            stores(|name| (name == "SSL_CERT_DIR").then(|| "/x".to_owned())),
            [("SSL_CERT_DIR".into(), "/x".into())]
        );
    }
}
