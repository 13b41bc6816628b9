//! Products that inspect TLS, by what their certificate authorities call themselves. Data and a search in it; whoever
//! reads a match knows that a name is a claim and no proof.
//!
//! The products are those of Durumeric et al., "The Security Impact of HTTPS Interception" (NDSS 2017, tables 2 and 3), of
//! Huang et al., "Analyzing Forged SSL Certificates in the Wild" (IEEE S&P 2014, table 3), and makers of the same since,
//! with the names that their manuals give the authorities which they make themselves.

use crate::model::Inspection;

/// A product, the words by which its authorities are known, and whether it runs on the machine itself.
struct Product {
    name: &'static str,
    /// In lower case; a match begins and ends at the bounds of words.
    words: &'static [&'static str],
    local: bool,
}

const fn network(name: &'static str, words: &'static [&'static str]) -> Product {
    Product { name, words, local: false }
}

const fn local(name: &'static str, words: &'static [&'static str]) -> Product {
    Product { name, words, local: true }
}

const PRODUCTS: &[Product] = &[
    // Gateways and services in the network.
    network("Zscaler", &["zscaler"]),
    network("Fortinet FortiGate", &["fortinet", "fortigate"]),
    network("Palo Alto Networks", &["palo alto networks", "palo alto", "paloaltonetworks"]),
    network(
        "Symantec (Blue Coat) ProxySG",
        &["blue coat", "bluecoat", "proxysg", "symantec wss", "symantec web security"],
    ),
    network("Netskope", &["netskope", "goskope"]),
    network("Sophos", &["sophos"]),
    network("Cisco Umbrella", &["cisco umbrella", "opendns"]),
    network("Cisco Secure Web Appliance", &["ironport", "cisco web security", "cisco secure web", "cisco wsa"]),
    network("Skyhigh (McAfee) Web Gateway", &["mcafee", "skyhigh"]),
    network("Check Point", &["check point", "checkpoint"]),
    network("Barracuda", &["barracuda", "barracuda networks"]),
    network("WatchGuard", &["watchguard", "fireware"]),
    network("SonicWall", &["sonicwall"]),
    network("Forcepoint", &["forcepoint", "websense"]),
    network("Juniper SRX", &["juniper"]),
    network("Untangle", &["untangle"]),
    network("WebTitan", &["webtitan"]),
    network("Cyberoam", &["cyberoam"]),
    network("Stormshield", &["stormshield", "netasq"]),
    network("Trend Micro", &["trend micro", "trendmicro"]),
    network("Cato Networks", &["cato networks"]),
    network("Menlo Security", &["menlo security"]),
    network("iboss", &["iboss"]),
    network("Lightspeed", &["lightspeed rocket", "lightspeed systems"]),
    network("Smoothwall", &["smoothwall"]),
    network("Cloudflare Gateway", &["gateway ca - cloudflare"]),
    network("F5 SSL Orchestrator", &["ssl orchestrator", "sslo"]),
    network("Squid", &["squid", "squid-cache"]),
    network("mitmproxy", &["mitmproxy"]),
    network("Microsoft Forefront TMG", &["forefront tmg", "microsoft forefront"]),
    // Programs on the machine itself.
    local("Kaspersky", &["kaspersky"]),
    local("ESET", &["eset"]),
    local("Avast", &["avast"]),
    local("AVG", &["avg web", "avg technologies"]),
    local("Bitdefender", &["bitdefender", "net-defender"]),
    local("BullGuard", &["bullguard"]),
    local("Dr.Web", &["dr.web", "drweb", "doctor web"]),
    local("G DATA", &["g data"]),
    local("AdGuard", &["adguard"]),
    local("Qustodio", &["qustodio"]),
    local("Net Nanny", &["net nanny", "contentwatch"]),
    local("Fiddler", &["fiddler", "fiddlerroot", "do_not_trust_fiddlerroot"]),
    local("Charles Proxy", &["charles proxy"]),
    local("Burp Suite", &["portswigger"]),
    // What administrators and manuals call an authority of their own for it.
    network("a device that inspects TLS", INSPECTS),
];

const INSPECTS: &[&str] = &[
    "ssl inspection",
    "tls inspection",
    "https inspection",
    "ssl interception",
    "tls interception",
    "https interception",
    "ssl decryption",
    "tls decryption",
    "ssl decrypt",
    "deep inspection",
    "deep packet inspection",
    "dpi-ssl",
    "ssl proxy",
    "ssl forward proxy",
    "forward trust",
    "forward untrust",
    "ssl bump",
    "sslbump",
    "mitm",
    "web filter",
    "webfilter",
];

/// The first of `issuers` (distinguished names) that calls itself such a product.
pub(super) fn claimed<'a>(issuers: impl Iterator<Item = &'a str>) -> Option<Inspection> {
    let all: Vec<(&str, String)> = issuers.map(|issuer| (issuer, issuer.to_lowercase())).collect();
    PRODUCTS.iter().find_map(|product| {
        let says = |lower: &str| product.words.iter().any(|word| holds(lower, word));
        let (issuer, _) = all.iter().find(|(_, lower)| says(lower))?;
        Some(Inspection { product: product.name.to_owned(), issuer: (*issuer).to_owned(), local: product.local })
    })
}

/// `text` holds `word`, and not as a part of a longer one.
fn holds(text: &str, word: &str) -> bool {
    let is_bound = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|t| t.chars().next());
        is_bound(before) && is_bound(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(issuer: &str) -> Option<String> {
        claimed([issuer].into_iter()).map(|i| i.product)
    }

    #[test]
    fn authorities_that_name_their_product_are_known() {
        for (issuer, name) in [
            ("C=US, ST=California, O=Zscaler Inc., CN=Zscaler Intermediate Root CA (zscalertwo.net)", "Zscaler"),
            ("C=US, O=Fortinet, OU=Certificate Authority, CN=FG100F0000000000", "Fortinet FortiGate"),
            ("CN=Fortinet_CA_SSL", "Fortinet FortiGate"),
            ("O=Cisco, CN=Cisco Umbrella Root CA", "Cisco Umbrella"),
            ("CN=mitmproxy, O=mitmproxy", "mitmproxy"),
            ("O=ESET, spol. s r. o., CN=ESET SSL Filter CA", "ESET"),
            ("CN=Avast Web/Mail Shield Root, O=Avast Web/Mail Shield", "Avast"),
            ("CN=ca.example.goskope.com, E=certadmin@netskope.com", "Netskope"),
            ("O=Example Corp, CN=Example TLS Inspection CA 2", "a device that inspects TLS"),
        ] {
            assert_eq!(product(issuer).as_deref(), Some(name), "{issuer}");
        }
    }

    #[test]
    fn other_authorities_are_not() {
        for issuer in [
            "C=US, O=Let's Encrypt, CN=R11",
            "C=US, O=DigiCert Inc, CN=DigiCert Global Root G2",
            "O=Cloudflare, Inc., OU=CloudFlare Origin SSL Certificate Authority",
            "C=US, O=Symantec Corporation, CN=Symantec Class 3 Secure Server CA - G4",
            "O=Cisco Systems, CN=Corporate Root",
            "CN=Reset Corp Root",
            "CN=Squidward Holdings CA",
            "CN=Lab Root",
        ] {
            assert_eq!(product(issuer), None, "{issuer}");
        }
    }

    #[test]
    fn words_are_in_lower_case_and_each_product_is_named_once() {
        for product in PRODUCTS {
            assert!(
                !product.words.is_empty() && product.words.iter().all(|w| *w == w.to_lowercase()),
                "{}",
                product.name
            );
            assert_eq!(PRODUCTS.iter().filter(|p| p.name == product.name).count(), 1);
        }
    }
}
