//! What is asked of which machine, and what cannot be asked.

use super::*;
use crate::profile::built_in;

fn plan(profile: &str, request: HostRequest) -> Result<HostPlan, UsageErrors> {
    HostPlan::new(&built_in(profile).unwrap(), &request)
}

fn names(plan: &HostPlan) -> Vec<String> {
    plan.items.iter().map(HostItem::name).collect()
}

#[test]
fn a_profile_about_a_server_is_asked_as_that_server() {
    let plan = plan("rtc-server", HostRequest { channels: Some(60), ..HostRequest::default() }).unwrap();
    assert_eq!(plan.roles, ["rtc".into()]);
    let names = names(&plan);
    for name in ["host.cores", "host.tcp-443", "host.udp-19099-20099", "host.way-out-ipv6"] {
        assert!(names.iter().any(|n| n == name), "{name} of {names:?}");
    }
    assert!(!names.iter().any(|n| n == "host.tcp-22"), "SSH is not reached from here by default");
    let cores = plan.items.iter().find(|i| i.subject == Subject::Cores).unwrap();
    assert_eq!(
        (cores.need, cores.source.as_ref().unwrap().row.as_str()),
        (Need::Required, "60 | 2-4 cores | 8 Gb | M")
    );
}

#[test]
fn others_are_asked_as_machines_that_use_the_platform() {
    let client = plan("dlegate", HostRequest::default()).unwrap();
    assert!(client.roles.is_empty() && client.wired().is_some());
    assert!(client.items.iter().all(|i| !matches!(i.subject, Subject::Ports(_))));
    assert!(client.items.iter().any(|i| i.need == Need::Recommended && matches!(i.subject, Subject::WayOut(_))));
    let user = plan("user", HostRequest::default()).unwrap();
    assert!(user.wired().is_none());
}

#[test]
fn rules_with_the_same_port_are_one_check_and_ports_move() {
    let downloads = built_in("valt").unwrap().rules.into_iter().find(|r| r.ports == PortRange::single(8000));
    let request = HostRequest {
        roles: vec!["application".into(), "media".into()],
        expect: Some(Expect::Listening),
        ports: [(downloads.unwrap().id, PortRange::single(8001).unwrap())].into(),
        ..HostRequest::default()
    };
    let plan = plan("valt", request).unwrap();
    let names = names(&plan);
    let unique: BTreeSet<&String> = names.iter().collect();
    assert_eq!(unique.len(), names.len(), "{names:?}");
    assert!(names.iter().any(|n| n == "host.tcp-8001"), "{names:?}");
    let shared = plan.items.iter().any(|i| matches!(&i.subject, Subject::Ports(of) if of.rules.len() > 1));
    assert!(shared, "444 is asked for by clients, BEAM and the application server");
}

#[test]
fn what_cannot_be_asked_is_said() {
    let said = |profile: &str, request: HostRequest| plan(profile, request).unwrap_err().to_string();
    let roles = |role: &str| HostRequest { roles: vec![role.into()], ..HostRequest::default() };
    assert!(said("rtc-server", roles("rct")).contains(" has "));
    assert!(said("valt", roles("updates")).contains("fixed by the document"));
    assert!(said("user", HostRequest { channels: Some(5), ..HostRequest::default() }).contains("no table"));
    assert!(said("valt", HostRequest { expect: Some(Expect::Free), ..HostRequest::default() }).contains("--role"));
    let both = HostRequest { from: vec!["client".to_owned()], ..roles("rtc") };
    assert!(said("rtc-server", both).contains("give one"));
    let options = [("ssl".to_owned(), true)].into();
    assert!(said("user", HostRequest { options, ..HostRequest::default() }).contains("no options"));
}
