use proptest::prelude::*;

use super::*;

fn list(entries: &[&str]) -> AllowList {
    AllowList::new(entries.iter().map(|e| e.parse().unwrap()).collect())
}

/// Whether the text, read as a query's target is read, may be asked.
fn takes(list: &AllowList, text: &str) -> bool {
    text.parse::<Host>().is_ok_and(|host| list.refusal(&host).is_none())
}

#[test]
fn nothing_is_allowed_that_is_not_listed() {
    let none = AllowList::default();
    assert!(none.is_empty() && !none.is_open());
    for host in ["rtc.example.com", "localhost", "127.0.0.1", "::1"] {
        assert!(!takes(&none, host), "{host}");
    }
}

#[test]
fn names_match_whole_and_without_regard_to_case_or_a_final_dot() {
    let list = list(&["RTC.example.com.", "*.Pool.example.net"]);
    for host in
        ["rtc.example.com", "RTC.EXAMPLE.COM", "rtc.example.com.", "a.pool.example.net", "a.b.POOL.example.net."]
    {
        assert!(takes(&list, host), "{host}");
    }
    for host in [
        "example.com",
        "xrtc.example.com",
        "rtc.example.com.evil.test",
        "a.rtc.example.com",
        "pool.example.net",
        "evilpool.example.net",
        ".pool.example.net",
        "a..pool.example.net",
        "rtc.example.com:443",
        "user@rtc.example.com",
        "rtc.example.com/x",
        "rtc.example.com%2e",
        "rtc.example.com\0",
        "rtc.example.com ",
        "192.0.2.1",
    ] {
        assert!(!takes(&list, host), "{host}");
    }
}

#[test]
fn addresses_match_by_their_bits_in_whatever_form_they_are_written() {
    let list = list(&["192.0.2.0/25", "198.51.100.7", "2001:db8::/32", "::ffff:203.0.113.0/120"]);
    for host in [
        "192.0.2.0",
        "192.0.2.127",
        "::ffff:192.0.2.5",
        "[::ffff:c000:205]",
        "198.51.100.7",
        "203.0.113.200",
        "[2001:DB8::1]",
        "2001:db8:0::1",
    ] {
        assert!(takes(&list, host), "{host}");
    }
    for host in [
        "192.0.2.128",
        "198.51.100.8",
        "2001:db9::1",
        "::192.0.2.5",
        "64:ff9b::192.0.2.5",
        "2002:c000:205::1",
        "192.0.2.005",
        "0xc0.0.2.5",
        "3221225985",
        "192.0.2",
        "[2001:db8::1%eth0]",
        "2001:db8::1%1",
        "[192.0.2.5]",
        "rtc.example.com",
    ] {
        assert!(!takes(&list, host), "{host}");
    }
    assert!(
        takes(&super::tests::list(&["0.0.0.0/0"]), "192.0.2.1") && !takes(&super::tests::list(&["0.0.0.0/0"]), "::1")
    );
    assert!(
        takes(&super::tests::list(&["::/0"]), "2001:db8::1") && !takes(&super::tests::list(&["::/0"]), "127.0.0.1")
    );
}

#[test]
fn what_is_no_entry_is_told_in_a_sentence_with_what_to_write() {
    for (text, words) in [
        ("*", "`any` allows every host"),
        ("*.", "*.example.com"),
        ("*.192.0.2.1", "*.example.com"),
        ("a.*.example.com", "in front of a domain"),
        ("192.0.2.1/24", "write 192.0.2.0/24, or 192.0.2.1"),
        ("192.0.2.0/33", "192.0.2.0/24"),
        ("192.0.2.0/+8", "192.0.2.0/24"),
        ("2001:db8::/129", "2001:db8::/32"),
        ("example.com/24", "192.0.2.0/24"),
        ("https://example.com", "192.0.2.0/24"),
        ("rtc.example.com:443", "names a port"),
        ("", "neither"),
    ] {
        let error = text.parse::<Entry>().unwrap_err();
        assert!(error.contains(words), "{text}: {error}");
    }
    let all = ["any", "rtc.example.com", "*.example.com", "192.0.2.0/24", "2001:db8::1"];
    assert_eq!(list(&all).to_string(), all.join(", "));
    assert!(list(&["ANY"]).is_open() && takes(&list(&["any"]), "192.0.2.1"));
}

#[test]
fn a_name_opens_neither_this_machine_nor_its_link() {
    let names = list(&["*.example.com", "localhost"]);
    let host: Host = "a.example.com".parse().unwrap();
    let refused =
        |list: &AllowList, host: &Host, address: &str| list.refusal_of_address(host, address.parse().unwrap());
    for address in [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "0.0.0.0",
        "::",
        "169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::169.254.169.254",
        "64:ff9b:1:2:3:4:127.0.0.1",
        "2002:7f00:1::",
        "fe80::1",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
    ] {
        assert!(refused(&names, &host, address).is_some_and(|s| s.contains("this machine")), "{address}");
        assert_eq!(refused(&list(&["any"]), &host, address), None);
    }
    for address in ["192.0.2.1", "10.0.0.1", "2001:db8::1", "64:ff9b::192.0.2.1", "64:ff9b:1::192.0.2.1"] {
        assert_eq!(refused(&names, &host, address), None, "{address}");
    }
    let local: Host = "localhost".parse().unwrap();
    assert_eq!(refused(&names, &local, "127.0.0.1"), None);
    assert!(refused(&names, &local, "169.254.169.254").is_some());
    assert_eq!(refused(&list(&["*.example.com", "127.0.0.0/8"]), &host, "127.0.0.1"), None);
    let literal = Host::Address([192, 0, 2, 9].into());
    assert!(refused(&names, &literal, "192.0.2.9").is_some(), "a literal is held against the networks again");
}

proptest! {
    /// Whatever is allowed by `*.example.com` ends in exactly that domain, behind a whole label.
    #[test]
    fn below_a_domain_is_below_it(text in "[-a-zA-Z0-9.:%@/\\[\\]_*]{0,40}(example\\.com)?[.:/@]{0,2}[a-z0-9]{0,4}") {
        let list = list(&["*.example.com"]);
        if let Ok(host) = text.parse::<Host>() {
            let name = host.bare();
            let below = name.len() > ".example.com".len() && name.ends_with(".example.com");
            prop_assert_eq!(list.refusal(&host).is_none(), below, "{}", name);
        }
    }

    /// A network takes exactly the addresses that share its bits, in every way to write them.
    #[test]
    fn a_network_takes_its_own(address: u32, other: u32, length in 0u8..=32) {
        let network = mask(Ipv4Addr::from(address).into(), length);
        let list = list(&[&format!("{network}/{length}")]);
        let other = Ipv4Addr::from(other);
        let inside = mask(other.into(), length) == network;
        for text in [other.to_string(), format!("::ffff:{other}"), format!("[{}]", other.to_ipv6_mapped())] {
            prop_assert_eq!(takes(&list, &text), inside, "{}", text);
        }
        prop_assert!(!takes(&list, &other.to_ipv6_compatible().to_string()));
    }

    /// The same of IPv6.
    #[test]
    fn a_network_of_ipv6_takes_its_own(address: u128, other: u128, length in 0u8..=128) {
        let address = IpAddr::from(Ipv6Addr::from(address | 1 << 127));
        let network = mask(address, length);
        let other = Ipv6Addr::from(other | 1 << 127);
        let list = list(&[&format!("{network}/{length}")]);
        prop_assert_eq!(takes(&list, &other.to_string()), mask(other.into(), length) == network);
    }

    /// Reading back what an entry is shown as gives the entry.
    #[test]
    fn an_entry_reads_back(text in "([a-z0-9*.:/]{1,20}|[0-9]{1,3}\\.[0-9]{1,3}\\.0\\.0/16)") {
        if let Ok(entry) = text.parse::<Entry>() {
            prop_assert_eq!(entry.to_string().parse::<Entry>(), Ok(entry));
        }
    }
}
