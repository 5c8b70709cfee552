//! Names of a guest's functions as its source has them: the compilers of Rust and C++ mangle them.
//!
//! A guest's names may be made to cost: what is read of one, and what is written, is bounded.

use cpp_demangle::{DemangleOptions, ParseOptions, Symbol};
use std::fmt::{self, Write};

/// Bytes of a name, as it is shown.
const MOST: usize = 500;

/// Bytes of a name that is read at all. Templates have names of kilobytes.
const READ: usize = 4_000;

/// How deep the parts of a C++ name may lie in each other: reading some takes twice as long with every four levels.
const DEPTH: u32 = 40;

/// The name for a person: as it is where it is not mangled, and cut where it is long.
pub(crate) fn demangle(name: &str) -> String {
    demangled(name)
        .or_else(|| bounded(|shown| shown.write_str(name)))
        .unwrap_or_default()
}

fn demangled(name: &str) -> Option<String> {
    if name.len() > READ {
        return None;
    }
    if let Ok(symbol) = rustc_demangle::try_demangle(name) {
        return bounded(|shown| write!(shown, "{symbol:#}"));
    }
    let parsing = ParseOptions::default().recursion_limit(DEPTH);
    let symbol = Symbol::new_with_options(name, &parsing).ok()?;
    let writing = DemangleOptions::new().recursion_limit(DEPTH);
    bounded(|shown| symbol.structured_demangle(shown, &writing))
}

/// What `write` writes; nothing where it fails by itself.
fn bounded(write: impl FnOnce(&mut Bounded) -> fmt::Result) -> Option<String> {
    let mut shown = Bounded::default();
    let written = write(&mut shown);
    if shown.full {
        shown.text.push('…');
    } else if written.is_err() {
        return None;
    }
    Some(shown.text)
}

#[derive(Default)]
struct Bounded {
    text: String,
    full: bool,
}

impl Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let end = more.floor_char_boundary(MOST - self.text.len());
        self.text.push_str(&more[..end]);
        self.full |= end < more.len();
        if self.full { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn names_of_rust_and_cpp_are_read_and_others_stay() {
        for (mangled, name) in [
            (
                "_ZN3std9panicking19begin_panic_handler17h6ac9107c42850161E",
                "std::panicking::begin_panic_handler",
            ),
            ("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar"),
            ("_ZN5space3fooEibc", "space::foo(int, bool, char)"),
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
        assert_eq!(demangle(&long), "é".repeat(MOST / 2) + "…");
        // Each parameter is a pair of the one before: the last has a million parts.
        let mut doubling = "_Z1f1AIiiE".to_owned();
        for part in [
            "S_", "S0_", "S1_", "S2_", "S3_", "S4_", "S5_", "S6_", "S7_", "S8_",
        ] {
            doubling += &format!("1AI{part}{part}E");
        }
        let shown = demangle(&doubling);
        assert!(shown.len() <= MOST + '…'.len_utf8(), "{shown}");
        assert!(shown.starts_with("f(A<"), "{shown}");
    }

    #[test]
    fn no_name_takes_long_to_read() {
        // Each part of these is read twice, once more for each level.
        for part in ["cvT_I", "cvPT_I", "cvDpT_I", "cvSt1aI"] {
            for (before, behind) in [("_Z", ""), ("_Z", "1fv"), ("_ZN", "E")] {
                for levels in 1..100 {
                    let name = format!("{before}{}{behind}", part.repeat(levels));
                    let began = Instant::now();
                    demangle(&name);
                    assert!(began.elapsed() < Duration::from_secs(1), "{name}");
                }
            }
        }
    }
}
