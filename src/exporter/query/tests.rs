use proptest::prelude::*;

use super::super::{AllowList, Entry};
use super::*;

const ROLES: [(&str, bool); 3] = [("rtc", true), ("acd", true), ("export-s3", false)];

fn targets(text: &str, roles: &[(&str, bool)]) -> Result<Vec<String>, String> {
    let query = parse(text)?;
    Ok(query.bound(roles)?.iter().map(|(role, host)| format!("{role}={host}")).collect())
}

#[test]
fn a_whole_query_is_read() {
    let query = parse(
        "profile=valt&target.application=a.example,192.0.2.1&target.application=%5B2001%3Adb8%3A%3A1%5D&from=client,admin\
         &option.ssl=false&only=rtc.https&skip=nat+,path&allow-unknown=ice&ip=4&strict=true&quality=1&timeout=2.5s&format=prometheus",
    )
    .unwrap();
    assert_eq!(query.profile.as_deref(), Some("valt"));
    let bound = query.bound(&[("application", true)]).unwrap();
    let bound: Vec<String> = bound.iter().map(|(role, host)| format!("{role}={host}")).collect();
    assert_eq!(bound, ["application=a.example", "application=192.0.2.1", "application=2001:db8::1"]);
    assert_eq!(
        (query.from, query.only, query.skip),
        (vec!["client".into(), "admin".into()], vec!["rtc.https".into()], vec!["nat".into(), "path".into()])
    );
    assert!(query.options.iter().any(|(name, value)| name.is("ssl") && !value));
    assert_eq!((query.v6, query.strict, query.quality), (Some(false), true, true));
    assert_eq!(query.timeout, Some(Duration::from_millis(2500)));
    assert_eq!(parse("profile=&target.rtc=&&from="), Ok(Query::default()));
}

#[test]
fn relabelling_can_name_roles_and_options_and_a_lone_role_needs_no_name() {
    assert_eq!(
        targets("target_rtc=a.example&target_export_s3=b.example", &ROLES).unwrap(),
        ["rtc=a.example", "export-s3=b.example"]
    );
    assert_eq!(targets("target=a.example", &[("rtc", true), ("ice", false)]).unwrap(), ["rtc=a.example"]);
    assert!(targets("target=a.example", &ROLES).unwrap_err().contains("rtc, acd, export-s3"));
    assert!(targets("target.export_s3=a.example", &ROLES).unwrap_err().contains("export_s3"));
    assert!(targets("target.nope=a.example", &ROLES).unwrap_err().contains("rtc, acd"));
    let query = parse("option_screen_sharing=on").unwrap();
    assert!(query.options.iter().all(|(name, value)| name.is("screen-sharing") && *value));
}

#[test]
fn what_is_wrong_is_told_in_a_sentence() {
    for (text, words) in [
        ("port.rtc.https=22", "cannot move"),
        ("port=22", "cannot move"),
        ("capacity=true", "not offered"),
        ("ports=all", "not offered"),
        ("hold=60", "not offered"),
        ("module=icmp", "profile=NAME"),
        ("nope=1", "`nope` is none"),
        ("target.=a", "none of"),
        ("target.a b=c", "none of"),
        ("profile=../etc/passwd", "letters"),
        ("profile=%2fetc%2fpasswd", "letters"),
        ("profile=agent&profile=user", "twice"),
        ("timeout=0", "seconds"),
        ("timeout=inf", "seconds"),
        ("ip=5", "4, 6 or both"),
        ("strict=maybe", "true"),
        ("format=json", "only prometheus"),
        ("target.rtc=https://a", "URL"),
        ("target.rtc=a:22", "names a port"),
        ("target.rtc=user@a", "neither"),
        ("target.rtc=a%2f", "neither"),
        ("target.rtc=%00", "control"),
        ("only=a%0ab", "control"),
        ("only=a;b", "letters"),
        ("profile=%zz", "percent"),
        ("profile=%f", "percent"),
        ("profile=%+1", "percent"),
        ("profile=%ff", "percent"),
        (&"x".repeat(5000), "longer"),
        (&"from=a&".repeat(65), "more than 64 parameters"),
        (&format!("target.rtc={}a", "a,".repeat(65)), "more than 64 hosts"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(words), "{text}: {error}");
    }
}

/// What may be put in front of, into and behind a host to make it look like another.
fn disguised() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("allowed.example".to_owned()),
        Just("ALLOWED.example.".to_owned()),
        Just("192.0.2.1".to_owned()),
        Just("%5B::ffff:192.0.2.1%5D".to_owned()),
        Just("evil.test".to_owned()),
        "[-a-z0-9.:/@%#?\\[\\]+,]{0,6}",
        "%[0-9a-f]{2}",
    ];
    proptest::collection::vec(part, 1..5).prop_map(|parts| parts.concat())
}

proptest! {
    /// No way of writing a target gets past the list: what is allowed is one of the two hosts that are, and nothing else.
    #[test]
    fn no_disguise_passes_the_list(value in disguised(), key in "(target|target\\.rtc|target_rtc)") {
        let list = AllowList::new(vec!["allowed.example".parse::<Entry>().unwrap(), "192.0.2.1".parse().unwrap()]);
        let Ok(query) = parse(&format!("{key}={value}")) else { return Ok(()) };
        for (_, host) in query.bound(&[("rtc", true)]).unwrap() {
            if list.refusal(host).is_none() {
                prop_assert!(["allowed.example", "192.0.2.1"].contains(&host.to_string().as_str()), "{}", host);
            }
        }
    }

    /// Any text is a query or a sentence of one line that can be printed.
    #[test]
    fn any_text_is_a_query_or_a_sentence(text in "\\PC{0,200}|([a-z.]{1,12}=[a-z0-9%+,.]{0,12}&?){0,8}") {
        match parse(&text) {
            Ok(query) => prop_assert!(query.targets.iter().map(|(_, hosts)| hosts.len()).sum::<usize>() <= MOST),
            Err(sentence) => prop_assert!(!sentence.is_empty() && !sentence.chars().any(char::is_control), "{}", sentence),
        }
    }
}
