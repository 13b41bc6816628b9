use proptest::prelude::*;

use super::*;

fn seen(status: u16, headers: &[(&str, &str)], body: &str) -> Option<Recognised> {
    let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    recognise(Page { status, headers: &headers, body: body.as_bytes() })
}

fn kind(status: u16, headers: &[(&str, &str)], body: &str) -> Option<Kind> {
    seen(status, headers, body).map(|r| r.kind)
}

#[test]
fn wowza_is_known_by_its_header_its_realms_its_manager_and_its_pages() {
    let engine = seen(404, &[("server", "WowzaStreamingEngine/4.8.20+1")], "").unwrap();
    assert_eq!((engine.kind, engine.name.as_str()), (Kind::Wowza, "Wowza Streaming Engine 4.8.20+1"));
    let page = "<html><head><title>Wowza Streaming Engine 4 Monthly Edition 4.8.0 build20200402</title></head></html>";
    assert_eq!(seen(200, &[("server", "nginx/1.18.0")], page).unwrap().by, "page");
    let engine = [("server", "nginx/1.7.5"), ("www-authenticate", "Digest realm=\"Wowza Media Systems\", nonce=\"1\"")];
    assert_eq!(seen(401, &engine, "").unwrap().name, "Wowza Streaming Engine");
    let api = [("server", "Restlet-Framework/2.2.2"), ("www-authenticate", "Digest realm=\"Wowza\", qop=\"auth\"")];
    assert_eq!(seen(401, &api, "").unwrap().name, "Wowza's REST API");
    assert_eq!(seen(401, &[], "<error><wowzaServer>4.8.0</wowzaServer></error>").unwrap().name, "Wowza's REST API");
    let manager = [("location", "http://media.example:8088/enginemanager/ftu/welcome.htm")];
    assert_eq!(seen(302, &manager, "").unwrap().name, "Wowza Streaming Engine Manager");
    // Restlet carries other services too, and a page may write about Wowza.
    assert_eq!(kind(401, &[("server", "Restlet-Framework/2.2.2")], ""), Some(Kind::WebServer));
    assert_eq!(kind(200, &[], "<title>News</title> We use Wowza Streaming Engine."), None);
    assert_eq!(kind(302, &[("location", "/login?next=/enginemanager/")], ""), None);
}

#[test]
fn janus_is_known_by_its_json_whatever_it_says() {
    let info = r#"{"janus":"server_info","transaction":"x","name":"Janus WebRTC Server","version_string":"1.1.2"}"#;
    assert_eq!(seen(200, &[], info).unwrap().name, "Janus Gateway 1.1.2");
    let refused = r#"{"janus":"error","error":{"code":403,"reason":"Unauthorized request"}}"#;
    assert_eq!(kind(200, &[], refused), Some(Kind::Janus));
    assert_eq!(kind(200, &[("server", "nginx")], "<html>Janus</html>"), Some(Kind::WebServer));
    assert_eq!(kind(200, &[], r#"{"janus":1}"#), None);
}

#[test]
fn fixed_hosts_are_known_by_what_they_serve() {
    let acme = r#"{"newAccount":"https://a/1","newNonce":"https://a/2","newOrder":"https://a/3","meta":{}}"#;
    assert_eq!(kind(200, &[("server", "nginx")], acme), Some(Kind::Acme));
    assert_eq!(kind(200, &[], r#"{"newAccount":"https://a/1"}"#), None);
    let index = "<!DOCTYPE HTML>\n<html><head><title>Index of /ubuntu</title></head>";
    assert_eq!(kind(200, &[("server", "Apache/2.4.58 (Ubuntu)")], index), Some(Kind::Repository));
    assert_eq!(kind(404, &[], index), None, "an error page lists nothing");
    let releases = "Dist: noble\nName: Noble Numbat\nVersion: 24.04 LTS\n";
    assert_eq!(kind(200, &[], releases), Some(Kind::Repository));
    assert_eq!(kind(200, &[], "Origin: Ubuntu\nLabel: Ubuntu\nCodename: noble\n"), Some(Kind::Repository));
    let registry = [("docker-distribution-api-version", "registry/2.0")];
    assert_eq!(kind(401, &registry, ""), Some(Kind::Repository));
    let token = [("www-authenticate", "Bearer realm=\"https://auth.example/token\",service=\"registry.example\"")];
    assert_eq!(kind(401, &token, r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#), Some(Kind::Repository));
    assert_eq!(kind(403, &[("x-amzn-requestid", "1")], "<ErrorResponse/>"), Some(Kind::Aws));
}

#[test]
fn what_answers_in_a_servers_place_is_known() {
    assert_eq!(kind(511, &[("server", "nginx")], ""), Some(Kind::Portal));
    assert_eq!(kind(407, &[], ""), Some(Kind::Portal));
    assert_eq!(kind(503, &[("x-squid-error", "ERR_CONNECT_FAIL 111")], ""), Some(Kind::Portal));
    let wispr = "<html><!--<WISPAccessGatewayParam xmlns:xsi=\"x\">--></html>";
    assert_eq!(kind(200, &[("server", "WowzaStreamingEngine/4.8.0")], wispr), Some(Kind::Portal));
    let nginx = "<html><center>The plain HTTP request was sent to HTTPS port</center></html>";
    assert_eq!(kind(400, &[("server", "nginx")], nginx), Some(Kind::Tls));
    assert_eq!(kind(200, &[("server", "nginx")], nginx), Some(Kind::WebServer));
}

#[test]
fn the_rest_is_known_by_the_name_it_gives_itself_or_not_at_all() {
    assert_eq!(seen(200, &[("server", "rtc-check/0.5.0")], "").unwrap().name, "rtc-check 0.5.0 responder");
    assert_eq!(seen(200, &[("server", "lighttpd/1.4.69")], "").unwrap().name, "lighttpd/1.4.69");
    assert_eq!(kind(200, &[("server", " ")], "hello"), None);
    assert_eq!(kind(200, &[], ""), None);
}

proptest! {
    #[test]
    fn no_answer_breaks_it(
        status in 0u16..1000,
        names in prop::collection::vec(("[a-z-]{0,20}", ".{0,40}"), 0..8),
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = recognise(Page { status, headers: &names, body: &body });
    }

    #[test]
    fn a_cut_page_is_never_taken_for_another_product(cut in 0usize..120) {
        let page = "<html><head><title>Wowza Streaming Engine 4 Monthly Edition 4.8.0 build20200402</title></head></html>";
        let kind = seen(200, &[], page.get(..cut.min(page.len())).unwrap()).map(|r| r.kind);
        prop_assert!(matches!(kind, None | Some(Kind::Wowza)));
    }
}
