// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Names of types as rustc puts them into debug information.

/// A type's name without the modules that the names in it are from.
///
/// The same type is in another module in each build that is compared.
pub fn plain(name: &str) -> String {
    let mut plain = String::new();
    // Where the last name begins.
    let mut start = 0;
    let mut rest = name;
    while let Some(character) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix("::") {
            plain.truncate(start);
            rest = behind;
            continue;
        }
        plain.push(character);
        rest = &rest[character.len_utf8()..];
        if !character.is_alphanumeric() && character != '_' {
            start = plain.len();
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn plain_when_modules_stand_before_names_then_names_only() {
        assert_eq!(
            plain("Option<unsafe extern \"C\" fn(*mut iface::host::HostDevice, u32) -> i32>"),
            "Option<unsafe extern \"C\" fn(*mut HostDevice, u32) -> i32>"
        );
        assert_eq!(plain("core::option::Option<a::B>"), "Option<B>");
        assert_eq!(plain("u64"), "u64");
    }
}
