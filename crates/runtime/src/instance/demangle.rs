//! Names of a guest's functions as its source has them: the compiler of Rust mangles them.
//!
//! A guest may contain names that are made to be expensive, so the bytes that are read and written are bounded. Names
//! of C++ stay as they are: no demangler of them bounds its work, and no limit of the call applies here.

use crate::value::Text;
use std::fmt::Write;

/// The most bytes of a name that are shown.
const MOST: usize = 500;

/// The most bytes of a name that is demangled. Templates have names of kilobytes.
const READ: usize = 4_000;

/// The name in readable form: as it is if it is not mangled, and cut if it is long.
pub(crate) fn demangle(name: &str) -> String {
    let symbol = (name.len() <= READ).then(|| rustc_demangle::try_demangle(name));
    Text::within(MOST, |shown| match symbol {
        Some(Ok(symbol)) => write!(shown, "{symbol:#}"),
        _ => shown.write_str(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rust_are_read_and_others_stay() {
        for (mangled, name) in [
            (
                "_ZN3std9panicking19begin_panic_handler17h6ac9107c42850161E",
                "std::panicking::begin_panic_handler",
            ),
            ("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar"),
            ("_ZN5space3fooEibc", "_ZN5space3fooEibc"),
            (
                "_ZN4core3ptr42drop_in_place$LT$alloc..string..String$GT$17h0123456789abcdefE",
                "core::ptr::drop_in_place<alloc::string::String>",
            ),
            ("main", "main"),
            ("_Znonsense", "_Znonsense"),
            ("", ""),
        ] {
            assert_eq!(demangle(mangled), name);
        }
    }

    #[test]
    fn a_name_is_shown_up_to_a_bound_whatever_it_unfolds_to() {
        let long = "é".repeat(50_000);
        assert_eq!(
            demangle(&long),
            "é".repeat((MOST - '…'.len_utf8()) / 2) + "…"
        );
        let path = format!("_ZN{}E", "9abcdefghi".repeat(100));
        let shown = demangle(&path);
        assert!(shown.starts_with("abcdefghi::abcdefghi::"), "{shown}");
        assert!(shown.ends_with('…'), "{shown}");
        assert_eq!(shown.len(), MOST);
    }
}
