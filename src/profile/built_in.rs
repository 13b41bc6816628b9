//! The profiles that are compiled in: the files of `profiles/`, each held to load by a test.

use super::{Profile, load};

/// Name and text of each, in the order in which they are listed.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("agent", include_str!("../../profiles/agent.toml")),
    ("user", include_str!("../../profiles/user.toml")),
    ("acd", include_str!("../../profiles/acd.toml")),
    ("rtc-server", include_str!("../../profiles/rtc-server.toml")),
    ("valt", include_str!("../../profiles/valt.toml")),
    ("dlegate", include_str!("../../profiles/dlegate.toml")),
];

/// The built-in profile of this name.
pub fn built_in(name: &str) -> Option<Profile> {
    let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
    load(&format!("{name}.toml"), text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_loads_under_its_own_name() {
        for (name, text) in BUILT_IN {
            let profile = load(&format!("profiles/{name}.toml"), text).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(profile.name, *name);
            assert_eq!(built_in(name), Some(profile));
        }
    }

    #[test]
    fn others_are_none() {
        assert_eq!(built_in("agents"), None);
    }
}
