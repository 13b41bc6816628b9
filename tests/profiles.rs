//! Profiles from the outside: every row of the documents is in the built-in profiles, every mistake in a file is told at
//! its place, and no text makes the loader panic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test that fails may panic")]

#[path = "profiles/documents.rs"]
mod documents;
#[path = "profiles/sizes.rs"]
mod sizes;

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use rtc_check::cli::profile_tables::show_json;
use rtc_check::model::Service;
use rtc_check::profile::{BUILT_IN, Diagnostics, OnlyAlternative, Profile, RefusedUpgrade, Spec, built_in, load};

/// A user's text over built-in profiles.
fn parse(text: &str) -> Result<Profile, Diagnostics> {
    load("my.toml", text)
}

#[test]
fn every_mistake_has_its_exact_diagnostic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/profiles/bad");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
    files.sort();
    assert!(files.len() > 60, "only {} files", files.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for file in files {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&file).unwrap();
            let errors = load(&name, &text).map(|_| ()).expect_err(&name);
            assert!(errors.list().windows(2).all(|w| (w[0].line, w[0].column) <= (w[1].line, w[1].column)), "{name}");
            insta::assert_snapshot!(file.file_stem().unwrap().to_str().unwrap(), errors.to_string());
        }
    });
}

#[test]
fn a_base_is_laid_under_not_copied() {
    let profile = parse(
        r#"
        name = "office"
        title = "The office"
        extend = "agent"
        [roles.rtc]
        hosts = ["rtc.example.org"]
        [wss."rtc.gateway"]
        path = "/janus"
        port = 9443
        [groups.media]
        only-alternative = "pass"
        [[limits]]
        metric = "rtt_ms"
        op = "<="
        value = 150
        source = { document = "Our own", section = "Voice", row = "150 ms" }
        "#,
    )
    .unwrap();
    let agent = built_in("agent").unwrap();
    let ids = |p: &Profile| p.rules.iter().map(|r| r.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&profile), ids(&agent));
    assert_eq!(profile.vantages, ["client"]);
    let (mine, theirs) = (rule(&profile, "rtc.gateway"), rule(&agent, "rtc.gateway"));
    let Spec::Ws(ws) = &mine.spec else { panic!("{:?}", mine.spec) };
    assert_eq!((ws.path.as_str(), ws.subprotocol.as_deref()), ("/janus", Some("janus-protocol")));
    assert_eq!(mine.ports.unwrap().to_string(), "9443");
    assert_eq!((&mine.source, mine.need, &mine.group), (&theirs.source, theirs.need, &theirs.group));
    assert_eq!(profile.roles[&"rtc".into()].hosts, ["rtc.example.org"]);
    assert_eq!(profile.roles[&"rtc".into()].description, agent.roles[&"rtc".into()].description);
    assert_eq!(profile.groups["media"], OnlyAlternative::Pass);
    let limits: Vec<_> = profile.limits.iter().map(|l| (l.metric.as_str(), l.op.as_str(), l.value)).collect();
    assert_eq!(limits, [("rtt_ms", "<=", 150.0), ("jitter_ms", "<", 50.0), ("loss_pct", "<", 1.5)]);
    assert_eq!(profile.bandwidth, agent.bandwidth);
}

#[test]
fn a_rule_of_ones_own_follows_those_of_the_bases() {
    let text = r#"
        name = "both"
        title = "Both"
        extend = ["acd", "user"]
        [options]
        vpn = false
        [roles.vpn]
        description = "VPN gateway"
        [ike."vpn.ike"]
        to = "vpn"
        port = 500
        when = { vpn = true }
        need = "required"
        source = { document = "Our own", section = "VPN", row = "UDP 500" }
    "#;
    let profile = parse(text).unwrap();
    let ids: Vec<_> = profile.rules.iter().map(|r| r.id.as_str()).collect();
    assert_eq!((ids[0], ids[4], *ids.last().unwrap()), ("acd.http", "rtc.http", "vpn.ike"));
    assert_eq!(rule(&profile, "vpn.ike").spec, Spec::Ike(rtc_check::profile::IkeSpec { marker: false }));
    assert_eq!(profile.limits.len(), 3);
}

#[test]
fn a_file_too_large_is_not_read() {
    let text = format!("name = \"big\"\n#{}", "x".repeat(1 << 20));
    let errors = parse(&text).unwrap_err();
    assert_eq!(errors.list().len(), 1);
    assert!(errors.list()[0].message.contains("bytes"), "{errors}");
}

#[test]
fn thousands_of_mistakes_are_bounded() {
    let text: String = (0..50_000).map(|i| format!("key{i} = {i}\n")).collect();
    let errors = parse(&text).unwrap_err();
    assert_eq!(errors.list().len(), 200);
    assert!(errors.to_string().trim_end().ends_with("more errors"));
    let nested = format!("x = {}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(parse(&nested).unwrap_err().list().len(), 1);
}

fn rule<'p>(profile: &'p Profile, id: &str) -> &'p rtc_check::profile::Rule {
    profile.rules.iter().find(|r| r.id.as_str() == id).unwrap_or_else(|| panic!("{} has no {id}", profile.name))
}

/// A built-in text with a few spans of characters cut out, doubled or replaced.
fn mutated() -> impl Strategy<Value = String> {
    let edit =
        (0.0..1.0f64, 0..40usize, prop_oneof![Just(String::new()), ".{0,12}", "[\\[\\]\"'=.{},#\n0-9a-z-]{0,8}"]);
    (0..BUILT_IN.len(), proptest::collection::vec(edit, 1..6)).prop_map(|(which, edits)| {
        let mut text: Vec<char> = BUILT_IN[which].1.chars().collect();
        for (at, cut, with) in edits {
            let start = (at * text.len() as f64) as usize;
            let end = (start + cut).min(text.len());
            text.splice(start..end, with.chars());
        }
        text.into_iter().collect()
    })
}

/// Whatever came out, it is whole: a profile whose names are declared, or errors that point into the text.
fn holds(text: &str) -> Result<(), TestCaseError> {
    match parse(text) {
        Ok(profile) => {
            prop_assert!(!profile.rules.is_empty() && !profile.vantages.is_empty());
            for rule in &profile.rules {
                prop_assert!(profile.roles.contains_key(&rule.to));
                prop_assert!(!rule.from.is_empty() && rule.from.iter().all(|v| profile.vantages.contains(v)));
                prop_assert!(rule.when.keys().all(|o| profile.options.contains_key(o)));
                prop_assert_eq!(rule.ports.is_none(), matches!(rule.service, Service::Gre | Service::Dns));
            }
        }
        Err(errors) => {
            prop_assert!(!errors.list().is_empty());
            let lines = text.split('\n').count();
            for e in errors.list() {
                prop_assert!((1..=lines).contains(&e.line) && e.column >= 1 && e.length >= 1, "{}", e);
                prop_assert!(e.quoted.chars().count() <= 100 && e.indent <= 100 && e.length <= 100, "{}", e);
            }
            prop_assert!(!errors.to_string().chars().any(|c| c.is_control() && c != '\n'));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        holds(&text)?;
    }

    #[test]
    fn arbitrary_toml_never_panics(text in "([a-z]{1,6} ?= ?(\"[a-z]{0,4}\"|-?[0-9]{1,25}|true|nan|\\[\\]|\\{\\})\n|\\[{1,2}(limits|roles\\.a|https\\.b|rtp|bandwidth|sizing\\.servers|sizing\\.notes|groups\\.c)\\]{1,2}\n){0,12}") {
        holds(&text)?;
    }

    #[test]
    fn mutated_built_ins_never_panic(text in mutated()) {
        holds(&text)?;
    }
}

/// The contract's table of built-in profiles: roles to bind, roles with fixed hosts, vantages, options.
#[test]
fn built_ins_have_the_roles_vantages_and_options_of_the_contract() {
    let expected = [
        ("agent", "acd ice rtc", "", "client", ""),
        ("user", "ice rtc", "", "client", ""),
        ("acd", "acd", "", "client", ""),
        ("rtc-server", "export-ftp export-s3 export-ssh rtc sip-connect", "", "client", "admin-panel=false ssh=false"),
        (
            "valt",
            "application camera cloud media",
            "lets-encrypt updates wowza-license",
            "client admin beam application-server media-server",
            "cloud=false ssl=true updates=true wowza-license=false",
        ),
        ("dlegate", "dlegate", "", "client", "hd=false screen-sharing=false"),
    ];
    for ((name, bound, fixed, vantages, options), (listed, _)) in expected.into_iter().zip(BUILT_IN) {
        assert_eq!(name, *listed);
        let profile = built_in(name).unwrap();
        let roles = |is_fixed: bool| {
            let roles = profile.roles.iter().filter(|(_, r)| r.hosts.is_empty() != is_fixed);
            roles.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((roles(false), roles(true)), (bound.to_owned(), fixed.to_owned()), "{name}");
        assert_eq!(profile.vantages.join(" "), vantages);
        let found: Vec<_> = profile.options.iter().map(|(option, default)| format!("{option}={default}")).collect();
        assert_eq!(found.join(" "), options);
        let if_given = ["ice", "export-s3", "export-ssh", "export-ftp", "sip-connect"];
        assert!(profile.roles.iter().all(|(role, r)| r.optional == if_given.contains(&role.as_str())), "{name}");
    }
}

#[test]
fn only_an_alternative_warns_an_agent_and_is_good_for_a_user() {
    let worth = |name: &str, group: &str| built_in(name).unwrap().groups.get(group).copied().unwrap_or_default();
    assert_eq!(worth("user", "media"), OnlyAlternative::Pass);
    assert_eq!(worth("agent", "media"), OnlyAlternative::Warn);
    assert_eq!(worth("user", "rtc.signalling"), OnlyAlternative::Warn);
    assert_eq!(worth("agent", "rtc.signalling"), OnlyAlternative::Warn);
    assert_eq!(worth("dlegate", "media"), OnlyAlternative::Warn);
}

#[test]
fn signalling_has_the_paths_and_subprotocols_of_its_servers() {
    for (profile, id, path, subprotocol, refused) in [
        ("agent", "rtc.gateway", "/", Some("janus-protocol"), RefusedUpgrade::Fail),
        ("agent", "acd.websocket", "/ws", Some("sip"), RefusedUpgrade::Fail),
        ("valt", "media.wss", "/", None, RefusedUpgrade::Warn),
        ("valt", "application.ws", "/", None, RefusedUpgrade::Warn),
        ("dlegate", "dlegate.wss", "/", None, RefusedUpgrade::Warn),
    ] {
        let Spec::Ws(ws) = rule(&built_in(profile).unwrap(), id).spec.clone() else { panic!("{id}") };
        assert_eq!((ws.path.as_str(), ws.subprotocol.as_deref(), ws.refused), (path, subprotocol, refused), "{id}");
        assert_eq!(ws.tls, id != "application.ws");
    }
    let valt = built_in("valt").unwrap();
    for rule in &valt.rules {
        let Spec::Http(http) = &rule.spec else { continue };
        assert_eq!(http.either, rule.source.row.contains("HTTP/HTTPS"), "{}", rule.id);
        assert_eq!(http.tls, rule.service == Service::Https);
    }
}

/// `profiles show NAME --format json`: exactly the contract's keys, each in its shape.
#[test]
fn json_has_exactly_the_keys_of_the_contract() {
    let keys = |v: &serde_json::Value| v.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let set = |names: &str| names.split(' ').filter(|n| !n.is_empty()).map(str::to_owned).collect::<BTreeSet<_>>();
    for (name, _) in BUILT_IN {
        let json: serde_json::Value = serde_json::from_str(&show_json(&built_in(name).unwrap()).unwrap()).unwrap();
        assert_eq!(keys(&json), set("name title vantages options roles rules limits bandwidth"), "{name}");
        assert!(json["options"].as_object().unwrap().values().all(serde_json::Value::is_boolean));
        assert!(json["roles"].as_object().unwrap().values().all(|r| keys(r) == set("description hosts")));
        for rule in json["rules"].as_array().unwrap() {
            let mut expected = set("id from to transport service when need source");
            for (key, there) in [
                ("ports", !matches!(rule["transport"].as_str().unwrap(), "gre" | "dns")),
                ("hosts", rule["hosts"].is_array()),
                ("group", rule["group"].is_string()),
            ] {
                if there {
                    expected.insert(key.to_owned());
                }
            }
            assert_eq!(keys(rule), expected, "{rule}");
            assert!(rule["when"].is_object() && rule["from"].is_array());
            assert_eq!(keys(&rule["source"]), set("document section row"));
            assert!(rule["ports"].is_string() || rule["ports"].is_null());
        }
        for limit in json["limits"].as_array().unwrap() {
            assert_eq!(keys(limit), set("metric op value source"));
        }
        for row in json["bandwidth"].as_array().unwrap() {
            let optional = set("recommended_up_kbps recommended_down_kbps");
            let always = set("name up_kbps down_kbps when source");
            assert!(keys(row).is_superset(&always) && keys(row).is_subset(&always.union(&optional).cloned().collect()));
        }
    }
    let user: serde_json::Value = serde_json::from_str(&show_json(&built_in("user").unwrap()).unwrap()).unwrap();
    assert_eq!(user["rules"][4]["ports"], "19099-20099");
    assert_eq!(user["rules"][2]["ports"], "8989");
    assert_eq!(user["rules"][2]["when"], serde_json::json!({}));
}
