//! Names of a guest's functions as its source has them: the compiler of Rust mangles them.
//!
//! A guest's names may be made to cost: what is read of one, and what is written, is bounded. Names of C++ stay as they
//! are: nothing that reads them bounds its work, and no limit of the call reaches here.

use crate::value::Text;
use std::fmt::Write;

/// Bytes of a name, as it is shown.
const MOST: usize = 500;

/// Bytes of a name that is read at all. Templates have names of kilobytes.
const READ: usize = 4_000;

/// The name for a person: as it is where it is not mangled, and cut where it is long.
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
