//! Who is expected to have signed certificates, and control names, by flags and configuration file. A flag wins over the
//! file.

use clap::Args;

use crate::model::{Host, Issuer};
use crate::plan::Pin;

use super::Unusable;
use super::config::Config;

/// HTTPS.
const HTTPS_PORT: u16 = 443;

/// TLS interception.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Who signs certificates")]
pub struct TrustArgs {
    /// Expect the targets' certificates, or those of one role, to be issued by this authority: a SHA-256 of a certificate of
    /// the chain or of its key, or a part of an issuer's name; any of several will do. Set apart by `;`
    #[arg(long = "pin", value_name = "[ROLE=]SHA256|ISSUER", env = "RTC_CHECK_PIN", value_delimiter = ';')]
    pub pins: Vec<String>,
    /// Look at the certificates of this public host too, which has nothing to do with the platform: the same private issuer
    /// there shows that TLS is intercepted. Port 443 unless another is given
    #[arg(long = "control", value_name = "HOST[:PORT]", env = "RTC_CHECK_CONTROL", value_delimiter = ',')]
    pub controls: Vec<String>,
}

/// The same, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusting {
    pub pins: Vec<Pin>,
    pub controls: Vec<(Host, u16)>,
}

/// Merges flags and configuration.
///
/// # Errors
/// What is no issuer or no host.
pub fn trust(flags: &TrustArgs, config: &Config) -> Result<Trusting, Unusable> {
    let pins = super::request::first(&flags.pins, &config.pin);
    let controls = super::request::first(&flags.controls, &config.control);
    let host = |text: &String| {
        let read = super::media::host_and_port(text).map(|(host, port)| (host, port.unwrap_or(HTTPS_PORT)));
        read.map_err(|e| Unusable(format!("--control {text}: {e}")))
    };
    let pins = pins.iter().map(|text| pin(text).map_err(|e| Unusable(format!("--pin {text}: {e}"))));
    Ok(Trusting {
        pins: pins.collect::<Result<_, _>>()?,
        controls: controls.iter().map(host).collect::<Result<_, _>>()?,
    })
}

/// `ROLE=ISSUER` or `ISSUER`. A role is in lower case, the parts of a distinguished name (`CN=…`) are not.
fn pin(text: &str) -> Result<Pin, String> {
    let is_role = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    match text.split_once('=').filter(|(role, _)| is_role(role)) {
        Some((role, issuer)) => Ok(Pin { role: Some(role.into()), issuer: issuer.parse::<Issuer>()? }),
        None => Ok(Pin { role: None, issuer: text.parse()? }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_and_control_names_are_read() {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let flags = TrustArgs {
            pins: words(&["Lab Root", "rtc=CN=Lab Root", "CN=Lab, O=Corp"]),
            controls: words(&["control.example", "[2001:db8::1]:8443"]),
        };
        let file: Config = toml::from_str("pin = [\"Other\"]\ncontrol = [\"other.example\"]").unwrap();
        let Trusting { pins, controls } = trust(&flags, &file).unwrap();
        let shown: Vec<String> =
            pins.iter().map(|p| format!("{:?} {}", p.role.as_ref().map(|r| r.as_str()), p.issuer)).collect();
        assert_eq!(shown, ["None \"Lab Root\"", "Some(\"rtc\") \"CN=Lab Root\"", "None \"CN=Lab, O=Corp\""]);
        assert_eq!(controls.iter().map(|(_, port)| *port).collect::<Vec<_>>(), [443, 8443]);
        let Trusting { pins, controls } = trust(&TrustArgs::default(), &file).unwrap();
        assert_eq!((pins.len(), controls[0].0.to_string().as_str()), (1, "other.example"));
        for wrong in ["", "rtc=", "x"] {
            let flags = TrustArgs { pins: words(&[wrong]), controls: Vec::new() };
            assert!(trust(&flags, &Config::default()).is_err_and(|e| e.0.contains("--pin")), "{wrong}");
        }
        let flags = TrustArgs { pins: Vec::new(), controls: words(&["https://a.example"]) };
        assert!(trust(&flags, &Config::default()).is_err_and(|e| e.0.contains("--control")));
    }
}
