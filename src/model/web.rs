//! What the HTTP answers of one port showed: the product they come from, and where their redirects led. One shape for the
//! one who looks and the one who judges.

use serde::{Deserialize, Serialize};

/// What an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProductKind {
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
    /// Any web server, by the name it gives itself.
    WebServer,
}

/// A product and what showed it: `observed.service`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    pub kind: ProductKind,
    /// As people write it, with its version where the answer tells one; fit to print.
    pub name: String,
    /// `Server header`, `login realm`, `page`, …
    pub by: String,
}

/// Why a redirect was not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Left {
    /// It leads to a place that was asked before.
    Circle,
    /// More redirects than anybody needs.
    TooMany,
    /// It leads to another host.
    AnotherHost,
    /// It leads to another port or protocol of the host, which is another rule's.
    AnotherPort,
    /// Nobody can follow it.
    Unusable,
    /// It was followed, and no answer came.
    Broken,
}

/// What became of redirects: `observed.redirects`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirects {
    /// The paths that were led to and asked for; fit to print.
    pub followed: Vec<String>,
    /// Why no more; `None` where the last of them led nowhere else.
    pub left: Option<Left>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_says_them_in_plain_words() {
        let product =
            Product { kind: ProductKind::WebServer, name: "nginx".to_owned(), by: "Server header".to_owned() };
        let written = json!({ "kind": "web-server", "name": "nginx", "by": "Server header" });
        assert_eq!(serde_json::to_value(&product).unwrap(), written);
        assert_eq!(serde_json::from_value::<Product>(written).unwrap(), product);
        let redirects = Redirects { followed: vec!["/a".to_owned()], left: Some(Left::TooMany) };
        assert_eq!(serde_json::to_value(redirects).unwrap(), json!({ "followed": ["/a"], "left": "too-many" }));
        assert_eq!(serde_json::to_value(Redirects::default()).unwrap(), json!({ "followed": [], "left": null }));
    }
}
