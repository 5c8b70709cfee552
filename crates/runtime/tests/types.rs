//! The types of hostile components: what describing them takes, and that what is shared stays shared.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use riptide_wasm_runtime::compile::{Compiled, Description, compile, wat2wasm};
use riptide_wasm_runtime::error::{Detail, Error, ErrorCode};
use riptide_wasm_runtime::value::{MAX_TEXT_BYTES, Type};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Write;
use std::sync::{Arc, LazyLock};
use wasmtime::Engine;

/// What describing may take for each byte of code, and in any case.
const BYTES_A_BYTE: usize = 24;
const BYTES: usize = 16 << 10;

/// The limit that engines have.
const LIMIT: u64 = 4 << 20;

/// As many parts as one type, and all of a component's together, may have when each use of one counts. The validator
/// allows a million, but compiling takes a microsecond for each.
const MAX_PARTS: usize = 1 << 13;
const MAX_ALL_PARTS: usize = 200_000;

// ---- counting what a thread holds ------------------------------------------------------------------------

thread_local! {
    /// Bytes that this thread took and did not give back, and the most there were.
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn count(bytes: isize) {
    // A thread that ends has none any more.
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        let now = now + bytes;
        held.set((now, most.max(now)));
    });
}

// SAFETY: the system's allocator does it all; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// The most bytes that `work` held at once.
fn most_held<T>(work: impl FnOnce() -> T) -> (T, usize) {
    HELD.set((0, 0));
    let done = work();
    (done, HELD.get().1 as usize)
}

#[test]
fn the_counter_counts() {
    let ((), held) = most_held(|| drop(std::hint::black_box(vec![0_u8; 100_000])));
    assert!((100_000..101_000).contains(&held), "{held}");
}

// ---- random graphs of types ------------------------------------------------------------------------------

static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::default);

/// A type whose parts are among those before it.
#[derive(Clone, Debug)]
enum Node {
    Record(usize, Vec<Pick>),
    Variant(usize, Vec<Option<Pick>>),
    Enum(usize, usize),
    Flags(usize, usize),
    Tuple(Vec<Pick>),
    List(Pick),
    Option(Pick),
    Result(Option<Pick>, Option<Pick>),
}

/// How far back a part is; many are the type just before, which is what makes graphs deep.
type Pick = usize;

fn node() -> impl Strategy<Value = Node> {
    let pick = || prop_oneof![4 => Just(0_usize), 2 => 0..3_usize, 1 => 0..1000_usize];
    let picks = move |most: usize| prop::collection::vec(pick(), 1..most);
    let maybe = move || prop::option::of(pick());
    // Names are as long as this, or a little longer, since each is another.
    let name = || prop_oneof![3 => Just(1_usize), 1 => 1..40_usize, 1 => 1000..3000_usize];
    prop_oneof![
        3 => (name(), picks(6)).prop_map(|(name, parts)| Node::Record(name, parts)),
        1 => (Just(1), picks(200)).prop_map(|(name, parts)| Node::Record(name, parts)),
        2 => (name(), prop::collection::vec(maybe(), 1..6))
            .prop_map(|(name, parts)| Node::Variant(name, parts)),
        1 => (Just(1), 1..1000_usize).prop_map(|(name, labels)| Node::Enum(name, labels)),
        1 => (name(), 1..6_usize).prop_map(|(name, labels)| Node::Enum(name, labels)),
        1 => (name(), 1..=32_usize).prop_map(|(name, labels)| Node::Flags(name, labels)),
        5 => picks(4).prop_map(Node::Tuple),
        1 => pick().prop_map(Node::List),
        1 => pick().prop_map(Node::Option),
        1 => (maybe(), maybe()).prop_map(|(ok, err)| Node::Result(ok, err)),
    ]
}

/// A graph as a component that imports functions of some of its types.
fn component(nodes: &[Node], functions: &[(Pick, Pick)]) -> String {
    let mut text = String::from("(component ");
    // Depth and size of each type so far, every use of a part counted.
    let mut known: Vec<(usize, usize)> = Vec::new();
    let mut all = 0;
    for (at, node) in nodes.iter().enumerate() {
        let (mut depth, mut size) = (1, 1);
        let mut part = |pick: &Pick| {
            size += 1;
            let Some(index) = at.checked_sub(1 + pick) else {
                return "u8".to_owned();
            };
            let (deep, large) = known[index];
            if deep >= 90 || size + large > MAX_PARTS || all + size + large > MAX_ALL_PARTS {
                return "u8".to_owned();
            }
            depth = depth.max(deep + 1);
            size += large;
            format!("$t{index}")
        };
        let name = |length: &usize, at: usize| format!("{}{at}", "n".repeat(*length));
        let labels = |length: &usize, count: &usize| {
            let labels = (0..*count).map(|label| format!("\"{}\"", name(length, label)));
            labels.collect::<Vec<_>>().join(" ")
        };
        let mut body = String::new();
        match node {
            Node::Record(length, parts) => parts.iter().enumerate().for_each(|(field, pick)| {
                let (name, ty) = (name(length, field), part(pick));
                write!(body, "(field \"{name}\" {ty})").expect("text");
            }),
            Node::Variant(length, parts) => parts.iter().enumerate().for_each(|(case, pick)| {
                let ty = pick.as_ref().map(&mut part).unwrap_or_default();
                write!(body, "(case \"{}\" {ty})", name(length, case)).expect("text");
            }),
            Node::Tuple(parts) => {
                body = parts.iter().map(&mut part).collect::<Vec<_>>().join(" ");
            }
            Node::List(pick) | Node::Option(pick) => body = part(pick),
            Node::Result(ok, err) => {
                let ok = ok.as_ref().map(&mut part).unwrap_or_default();
                let err = err.as_ref().map(|err| format!("(error {})", part(err)));
                body = format!("{ok} {}", err.unwrap_or_default());
            }
            Node::Enum(length, count) | Node::Flags(length, count) => {
                body = labels(length, count);
                // Compiling goes through the labels of each use.
                size += count;
            }
        }
        let word = match node {
            Node::Record(..) => "record",
            Node::Variant(..) => "variant",
            Node::Tuple(..) => "tuple",
            Node::List(..) => "list",
            Node::Option(..) => "option",
            Node::Result(..) => "result",
            Node::Enum(..) => "enum",
            Node::Flags(..) => "flags",
        };
        // Whoever imports a function imports the named types of it.
        let _ = match word {
            "record" | "variant" | "enum" | "flags" => write!(
                text,
                "(type $q{at} ({word} {body})) (import \"i{at}\" (type $t{at} (eq $q{at}))) "
            ),
            _ => write!(text, "(type $t{at} ({word} {body})) "),
        };
        known.push((depth, size));
        all += size;
    }
    for (at, (param, result)) in functions.iter().enumerate() {
        let mut of = |pick: &Pick| {
            let index = nodes.len() - 1 - pick % nodes.len();
            all += known[index].1;
            if all > 2 * MAX_ALL_PARTS {
                return "u8".to_owned();
            }
            format!("$t{index}")
        };
        let (param, result) = (of(param), of(result));
        write!(
            text,
            "(import \"f{at}\" (func (param \"p\" (list {param})) (result {result}))) "
        )
        .expect("text");
    }
    text + ")"
}

fn compiled(text: &str) -> (Compiled, usize) {
    let bytes = wat2wasm(text).unwrap_or_else(|error| panic!("{error}\n{text:.2000}"));
    let compiled = compile(&ENGINE, &bytes).unwrap_or_else(|error| panic!("{error}\n{text:.2000}"));
    (compiled, bytes.len())
}

fn described(text: &str) -> Arc<Description> {
    compiled(text).0.describe(LIMIT).expect("within the limit")
}

#[test]
fn describing_takes_a_multiple_of_the_code() {
    let mut runner = TestRunner::new(Config {
        cases: 48,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    });
    let graphs = (
        prop::collection::vec(node(), 1..60),
        prop::collection::vec((0..4_usize, 0..60_usize), 1..12),
    );
    let worst = Cell::new(0);
    let outcome = runner.run(&graphs, |(nodes, functions)| {
        let (compiled, bytes) = compiled(&component(&nodes, &functions));
        let (description, held) = most_held(|| compiled.describe(LIMIT));
        let description = description.expect("within the limit");
        worst.set(worst.get().max(held.saturating_sub(BYTES) / bytes));
        prop_assert!(
            held <= BYTES + BYTES_A_BYTE * bytes,
            "{held} for {bytes} bytes of code"
        );
        prop_assert!(description.imports().len() >= functions.len());
        for import in description.imports() {
            let Some(ty) = &import.function else { continue };
            let (text, held) = most_held(|| ty.to_string());
            prop_assert!(text.len() <= MAX_TEXT_BYTES);
            prop_assert!(held <= 4 * MAX_TEXT_BYTES, "{held} for a text");
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    println!("at most {} for each byte", worst.get());
}

#[test]
fn what_is_shared_stays_shared() {
    let mut types = String::from("(type $t0 (tuple u8 u8))");
    for at in 1..=16 {
        write!(types, "(type $t{at} (tuple $t{0} $t{0}))", at - 1).expect("text");
    }
    let description = described(&format!(
        "(component {types} (type $f (func (param \"x\" $t16)))
           (import \"a\" (func (type $f))) (import \"b\" (func (type $f)))
           (import \"c\" (func (param \"y\" $t16))))"
    ));
    let function = |at: usize| description.imports()[at].function.as_ref().expect("a type");
    assert!(Arc::ptr_eq(function(0), function(1)));
    // The same parameters under other names are another function's.
    assert_eq!(function(2).params[0].name.as_str(), "y");
    let mut ty = &function(0).params[0].ty;
    let Type::Tuple(other) = &function(2).params[0].ty else {
        panic!("no tuple")
    };
    let mut depth = 0;
    while let Type::Tuple(parts) = ty {
        if depth == 0 {
            assert!(Arc::ptr_eq(parts, other));
        }
        if let [Type::Tuple(left), Type::Tuple(right)] = &**parts {
            assert!(Arc::ptr_eq(left, right), "at {depth}");
        }
        (ty, depth) = (&parts[0], depth + 1);
    }
    assert_eq!(depth, 17);
}

// ---- the limit ---------------------------------------------------------------------------------------------

fn refused(text: &str, limit: u64) -> (Error, usize) {
    let (compiled, _) = compiled(text);
    let (described, held) = most_held(|| compiled.describe(limit));
    (described.err().expect("beyond the limit"), held)
}

#[test]
fn names_and_labels_count() {
    let long = "n".repeat(50_000);
    let instances = |export: &str| {
        let instance = format!("(type $i (instance (export \"{export}\" (func))))");
        let imports = (0..900).map(|at| format!("(import \"i{at}\" (instance (type $i)))"));
        format!("(component {instance} {})", imports.collect::<String>())
    };
    let types = |ty: &str| {
        format!(
            "(component (type $q {ty}) (import \"q\" (type $t (eq $q)))
               (import \"f\" (func (param \"x\" $t))))"
        )
    };
    let label = format!("\"{long}\"");
    let params: String = (0..300).map(|_| "i32 ".to_owned()).collect();
    let cases = [
        // The names of an interface stand before those in it, once for each import.
        (instances(&long), LIMIT),
        (types(&format!("(enum {label})")), 40_000),
        (types(&format!("(flags {label})")), 40_000),
        (types(&format!("(record (field {label} u8))")), 40_000),
        (types(&format!("(variant (case {label}))")), 40_000),
        (
            format!("(component (import \"f\" (func (param {label} u8))))"),
            40_000,
        ),
        (format!("(module (import {label} \"f\" (func)))"), 40_000),
        (format!("(module (func (export {label})))"), 40_000),
        (
            format!("(module (func (export \"f\") (param {params})))"),
            8_000,
        ),
        (
            format!("(module {})", "(import \"\" \"\" (func))".repeat(3_000)),
            LIMIT,
        ),
    ];
    for (text, limit) in cases {
        let (error, held) = refused(&text, limit);
        assert_eq!(error.code, ErrorCode::CompileLimit, "{text:.100}");
        assert_eq!(
            error.details,
            [
                ("option", Detail::Text("compile.maxTypeBytes".into())),
                ("limit", Detail::Number(limit as f64)),
            ]
        );
        assert!(
            held <= limit as usize + BYTES,
            "{held} before {limit} was refused"
        );
    }
    described(&instances("n"));
}
