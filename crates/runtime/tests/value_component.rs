//! Dynamic lowering and lifting, held against Wasmtime's own `Val` path, and against hostile guests.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use riptide_wasm_runtime::abi::{
    CoreFunc, Limits, TypeReader, call, call_sync, check_params, define_core_host,
    define_core_host_sync, define_host, define_host_sync,
};
use riptide_wasm_runtime::error::{Detail, Error, ErrorCode};
use riptide_wasm_runtime::value::{Case, Field, FunctionType, Label, Numbers, Type, Value};
use std::sync::{Arc, LazyLock};
use wasmtime::component::{Component, Func, Linker, Val};
use wasmtime::{Engine, Store};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut config = wasmtime::Config::new();
    // Compiling is nearly all of the time here.
    config.cranelift_opt_level(wasmtime::OptLevel::None);
    Engine::new(&config).expect("an engine")
});

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(future)
}

// ---- echo components ----------------------------------------------------------------------------------

/// A type in WAT. Component types must be named before a function uses them.
struct Types {
    text: String,
    count: usize,
}

impl Types {
    fn name(&mut self, ty: &Type) -> String {
        let body = match ty {
            Type::Record(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|field| format!("(field \"{}\" {})", field.name, self.name(&field.ty)))
                    .collect();
                format!("(record {})", fields.join(" "))
            }
            Type::Tuple(types) => {
                let types: Vec<_> = types.iter().map(|ty| self.name(ty)).collect();
                format!("(tuple {})", types.join(" "))
            }
            Type::Variant(cases) => {
                let cases: Vec<_> = cases
                    .iter()
                    .map(|case| match &case.ty {
                        Some(ty) => format!("(case \"{}\" {})", case.name, self.name(ty)),
                        None => format!("(case \"{}\")", case.name),
                    })
                    .collect();
                format!("(variant {})", cases.join(" "))
            }
            Type::Enum(labels) => format!("(enum {})", quoted(labels)),
            Type::Flags(labels) => format!("(flags {})", quoted(labels)),
            Type::List(ty) => format!("(list {})", self.name(ty)),
            Type::Option(ty) => format!("(option {})", self.name(ty)),
            Type::Result(ok, err) => {
                let ok = ok.as_ref().map(|ty| self.name(ty)).unwrap_or_default();
                let err = err
                    .as_ref()
                    .map(|ty| format!("(error {})", self.name(ty)))
                    .unwrap_or_default();
                format!("(result {ok} {err})")
            }
            scalar => return scalar.to_string(),
        };
        self.count += 1;
        let name = format!("$t{}", self.count);
        self.text += &format!(
            "(type {name}' {body})\n(export {name} \"t{}\" (type {name}'))\n",
            self.count
        );
        name
    }
}

fn quoted<T: std::fmt::Display>(labels: &[T]) -> String {
    labels
        .iter()
        .map(|label| format!("\"{label}\""))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The core values of a type, `None` past 16.
fn flat(ty: &Type) -> Vec<&'static str> {
    match ty {
        Type::S64 | Type::U64 => vec!["i64"],
        Type::F32 => vec!["f32"],
        Type::F64 => vec!["f64"],
        Type::String | Type::List(_) => vec!["i32", "i32"],
        Type::Record(fields) => fields.iter().flat_map(|field| flat(&field.ty)).collect(),
        Type::Tuple(types) => types.iter().flat_map(flat).collect(),
        Type::Flags(labels) => vec!["i32"; labels.len().div_ceil(32)],
        Type::Variant(cases) => join(cases.iter().filter_map(|case| case.ty.as_ref())),
        Type::Option(ty) => join([&**ty].into_iter()),
        Type::Result(ok, err) => join([ok, err].into_iter().flatten().map(|ty| &**ty)),
        _ => vec!["i32"],
    }
}

fn join<'a>(types: impl Iterator<Item = &'a Type>) -> Vec<&'static str> {
    let mut joined = vec!["i32"];
    for ty in types {
        for (at, core) in flat(ty).into_iter().enumerate() {
            match joined.get_mut(at + 1) {
                None => joined.push(core),
                Some(old) if *old == core => {}
                Some(old) if matches!((*old, core), ("i32", "f32") | ("f32", "i32")) => {
                    *old = "i32"
                }
                Some(old) => *old = "i64",
            }
        }
    }
    joined
}

/// The memory and `realloc` that every guest here has. Freed never; it grows on demand.
const HEAP: &str = r#"
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and
            (i32.add (global.get $next) (i32.sub (local.get 2) (i32.const 1)))
            (i32.sub (i32.const 0) (local.get 2))))
        (global.set $next (i32.add (local.get $at) (local.get 3)))
        (block $done (loop $grow
            (br_if $done (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
            (br_if $grow (i32.ge_s (memory.grow (i32.const 16)) (i32.const 0)))
            unreachable))
        ;; As `realloc` must: keep the old bytes.
        (memory.copy (local.get $at) (local.get 0) (local.get 1))
        (local.get $at))
"#;

/// A component whose `echo` gives back its `ty`; `through` sends it through an import of that type as well.
fn echo_component(ty: &Type, encoding: &str, through: bool) -> String {
    let mut types = Types {
        text: String::new(),
        count: 0,
    };
    let name = types.name(ty);
    let types_text = types.text;
    let cores = flat(ty);
    let spilled = cores.len() > 16;
    let params = if spilled {
        "i32".to_owned()
    } else {
        cores.join(" ")
    };
    let returns_pointer = cores.len() > 1;
    let result = if returns_pointer { "i32" } else { cores[0] };
    let options = format!(
        "(memory $core \"memory\") (realloc (func $core \"realloc\")) string-encoding={encoding}"
    );
    // The parameter list holds one value, so its layout is the value's.
    let body = if !through {
        match (spilled, returns_pointer) {
            (true, _) | (false, false) => "(local.get 0)".to_owned(),
            (false, true) => {
                unreachable!("only spilled or single values are echoed within the guest")
            }
        }
    } else if returns_pointer {
        // The import takes the values as they came and writes its result to 256.
        let args: String = (0..if spilled { 1 } else { cores.len() })
            .map(|at| format!("(local.get {at}) "))
            .collect();
        format!("(call $host {args} (i32.const 65536)) (i32.const 65536)")
    } else {
        "(call $host (local.get 0))".to_owned()
    };
    let host_type = match (through, returns_pointer) {
        (false, _) => String::new(),
        (true, true) => format!("(import \"\" \"host\" (func $host (param {params} i32)))"),
        (true, false) => {
            format!("(import \"\" \"host\" (func $host (param {params}) (result {result})))")
        }
    };
    if !through {
        return format!(
            "(component {types_text}
              (core module $m {HEAP} (func (export \"echo\") (param {params}) (result {result}) {body}))
              (core instance $core (instantiate $m))
              (func (export \"echo\") (param \"value\" {name}) (result {name})
                (canon lift (core func $core \"echo\") {options})))"
        );
    }
    let imported = import_types(&types_text);
    format!(
        "(component {imported}
          (import \"host\" (func $host (param \"value\" {name}) (result {name})))
          (core module $heap {HEAP}
            (func (export \"reserve\") (result i32) (drop (memory.grow (i32.const 16))) (global.set $next (i32.const 131072)) (i32.const 0)))
          (core instance $core (instantiate $heap))
          (core func $lowered (canon lower (func $host) {options}))
          (core module $m
            {host_type}
            (import \"heap\" \"reserve\" (func $reserve (result i32)))
            (func $start (drop (call $reserve)))
            (start $start)
            (func (export \"echo\") (param {params}) (result {result}) {body}))
          (core instance $main (instantiate $m
            (with \"\" (instance (export \"host\" (func $lowered))))
            (with \"heap\" (instance $core))))
          (func (export \"echo\") (param \"value\" {name}) (result {name})
            (canon lift (core func $main \"echo\") {options})))"
    )
}

/// The same types, imported: what an import uses must be named outside the component.
fn import_types(text: &str) -> String {
    text.lines()
        .map(|line| match line.strip_prefix("(export $t") {
            Some(rest) => {
                let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
                format!("(import \"t{number}\" (type $t{number} (eq $t{number}')))\n")
            }
            None => format!("{line}\n"),
        })
        .collect()
}

/// The type of `echo`.
fn echo_type(ty: &Type) -> Arc<FunctionType> {
    let value = Field {
        name: "value".into(),
        ty: ty.clone(),
    };
    Arc::new(FunctionType::new(vec![value], vec![ty.clone()]))
}

/// A type in WAT, whole.
fn whole(ty: &Type) -> String {
    let mut types = Types {
        text: String::new(),
        count: 0,
    };
    let name = types.name(ty);
    types.text + &name
}

/// A type that a guest can echo without a host: one core value, or parameters spilled to memory, whose
/// pointer is the result's as well.
fn wrap(ty: Type) -> Type {
    let count = flat(&ty).len();
    if count == 1 || count > 16 {
        return ty;
    }
    let mut fields = vec![ty];
    fields.extend(std::iter::repeat_n(Type::U8, 17));
    Type::Tuple(fields.into())
}

// ---- random types and values --------------------------------------------------------------------------

fn labels(prefix: &str, count: usize) -> Arc<[String]> {
    (0..count).map(|at| format!("{prefix}{at}")).collect()
}

fn flags(count: usize) -> Arc<[Label]> {
    let labels = labels("f", count);
    labels.iter().map(|label| label.as_str().into()).collect()
}

fn any_type() -> impl Strategy<Value = Type> {
    let scalar = prop::sample::select(vec![
        Type::Bool,
        Type::S8,
        Type::U8,
        Type::S16,
        Type::U16,
        Type::S32,
        Type::U32,
        Type::S64,
        Type::U64,
        Type::F32,
        Type::F64,
        Type::Char,
        Type::String,
    ]);
    let leaf = prop_oneof![
        4 => scalar,
        1 => (1..=300usize).prop_map(|count| Type::Enum(labels("e", count))),
        1 => (1..=32usize).prop_map(|count| Type::Flags(flags(count))),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let optional = prop::option::of(inner.clone());
        prop_oneof![
            2 => inner.clone().prop_map(|ty| Type::List(Arc::new(ty))),
            2 => prop::collection::vec(inner.clone(), 1..6).prop_map(|types| Type::Record(
                types.into_iter().enumerate().map(|(at, ty)| Field { name: Label::new(&format!("r{at}")), ty }).collect()
            )),
            1 => prop::collection::vec(inner.clone(), 1..6).prop_map(|types| Type::Tuple(types.into())),
            2 => prop::collection::vec(optional.clone(), 1..6).prop_map(|types| Type::Variant(
                types.into_iter().enumerate().map(|(at, ty)| Case { name: format!("v{at}"), ty }).collect()
            )),
            1 => inner.clone().prop_map(|ty| Type::Option(Arc::new(ty))),
            1 => (optional.clone(), optional)
                .prop_map(|(ok, err)| Type::Result(ok.map(Arc::new), err.map(Arc::new))),
        ]
    })
}

fn value_of(ty: &Type) -> BoxedStrategy<Value> {
    fn numbers<T: std::fmt::Debug + Clone + 'static>(
        item: impl Strategy<Value = T> + 'static,
        wrap: fn(Vec<T>) -> Numbers,
    ) -> BoxedStrategy<Value> {
        prop::collection::vec(item, 0..20)
            .prop_map(move |items| Value::Numbers(wrap(items)))
            .boxed()
    }
    fn boxed(ty: &Option<Arc<Type>>) -> BoxedStrategy<Option<Box<Value>>> {
        match ty {
            Some(ty) => value_of(ty).prop_map(|value| Some(Box::new(value))).boxed(),
            None => Just(None).boxed(),
        }
    }
    match ty {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::S8 => any::<i8>().prop_map(Value::S8).boxed(),
        Type::U8 => any::<u8>().prop_map(Value::U8).boxed(),
        Type::S16 => any::<i16>().prop_map(Value::S16).boxed(),
        Type::U16 => any::<u16>().prop_map(Value::U16).boxed(),
        Type::S32 => any::<i32>().prop_map(Value::S32).boxed(),
        Type::U32 => any::<u32>().prop_map(Value::U32).boxed(),
        Type::S64 => any::<i64>().prop_map(Value::S64).boxed(),
        Type::U64 => any::<u64>().prop_map(Value::U64).boxed(),
        Type::F32 => prop::num::f32::ANY.prop_map(Value::F32).boxed(),
        Type::F64 => prop::num::f64::ANY.prop_map(Value::F64).boxed(),
        Type::Char => any::<char>().prop_map(Value::Char).boxed(),
        Type::String => prop_oneof![
            "\\PC{0,12}".prop_map(Value::String),
            "[\u{20}-\u{ff}]{0,12}".prop_map(|text| Value::Utf8(text.into_bytes())),
        ]
        .boxed(),
        Type::List(element) => match **element {
            Type::S8 => numbers(any::<i8>(), Numbers::S8),
            Type::U8 => numbers(any::<u8>(), Numbers::U8),
            Type::S16 => numbers(any::<i16>(), Numbers::S16),
            Type::U16 => numbers(any::<u16>(), Numbers::U16),
            Type::S32 => numbers(any::<i32>(), Numbers::S32),
            Type::U32 => numbers(any::<u32>(), Numbers::U32),
            Type::S64 => numbers(any::<i64>(), Numbers::S64),
            Type::U64 => numbers(any::<u64>(), Numbers::U64),
            Type::F32 => numbers(prop::num::f32::ANY, Numbers::F32),
            Type::F64 => numbers(prop::num::f64::ANY, Numbers::F64),
            _ => prop::collection::vec(value_of(element), 0..4)
                .prop_map(Value::List)
                .boxed(),
        },
        Type::Record(fields) => fields
            .iter()
            .map(|field| value_of(&field.ty))
            .collect::<Vec<_>>()
            .prop_map(Value::Record)
            .boxed(),
        Type::Tuple(types) => types
            .iter()
            .map(value_of)
            .collect::<Vec<_>>()
            .prop_map(Value::Tuple)
            .boxed(),
        Type::Variant(cases) => {
            let cases = cases.clone();
            (0..cases.len())
                .prop_flat_map(move |at| {
                    boxed(&cases[at].ty.clone().map(Arc::new))
                        .prop_map(move |payload| Value::Variant(at as u32, payload))
                })
                .boxed()
        }
        Type::Enum(labels) => (0..labels.len() as u32).prop_map(Value::Enum).boxed(),
        Type::Flags(labels) => {
            let count = labels.len();
            any::<u32>()
                .prop_map(move |bits| {
                    Value::Flags(vec![if count == 32 {
                        bits
                    } else {
                        bits & ((1 << count) - 1)
                    }])
                })
                .boxed()
        }
        Type::Option(ty) => prop_oneof![
            Just(Value::Option(None)),
            value_of(ty).prop_map(|value| Value::Option(Some(Box::new(value)))),
        ]
        .boxed(),
        Type::Result(ok, err) => prop_oneof![
            boxed(ok).prop_map(|value| Value::Result(Ok(value))),
            boxed(err).prop_map(|value| Value::Result(Err(value))),
        ]
        .boxed(),
        other => panic!("no values of {other}"),
    }
}

/// The same value as Wasmtime's own: the oracle.
fn to_val(ty: &Type, value: &Value) -> Val {
    let boxed = |ty: Option<&Type>, value: &Option<Box<Value>>| {
        value
            .as_ref()
            .map(|value| Box::new(to_val(ty.expect("a payload's type"), value)))
    };
    match (ty, value) {
        (_, Value::Bool(v)) => Val::Bool(*v),
        (_, Value::S8(v)) => Val::S8(*v),
        (_, Value::U8(v)) => Val::U8(*v),
        (_, Value::S16(v)) => Val::S16(*v),
        (_, Value::U16(v)) => Val::U16(*v),
        (_, Value::S32(v)) => Val::S32(*v),
        (_, Value::U32(v)) => Val::U32(*v),
        (_, Value::S64(v)) => Val::S64(*v),
        (_, Value::U64(v)) => Val::U64(*v),
        (_, Value::F32(v)) => Val::Float32(*v),
        (_, Value::F64(v)) => Val::Float64(*v),
        (_, Value::Char(v)) => Val::Char(*v),
        (_, Value::String(v)) => Val::String(v.clone()),
        (_, Value::Utf8(v)) => Val::String(String::from_utf8(v.clone()).expect("UTF-8")),
        (_, Value::Numbers(numbers)) => Val::List(match numbers {
            Numbers::S8(v) => v.iter().map(|v| Val::S8(*v)).collect(),
            Numbers::U8(v) => v.iter().map(|v| Val::U8(*v)).collect(),
            Numbers::S16(v) => v.iter().map(|v| Val::S16(*v)).collect(),
            Numbers::U16(v) => v.iter().map(|v| Val::U16(*v)).collect(),
            Numbers::S32(v) => v.iter().map(|v| Val::S32(*v)).collect(),
            Numbers::U32(v) => v.iter().map(|v| Val::U32(*v)).collect(),
            Numbers::S64(v) => v.iter().map(|v| Val::S64(*v)).collect(),
            Numbers::U64(v) => v.iter().map(|v| Val::U64(*v)).collect(),
            Numbers::F32(v) => v.iter().map(|v| Val::Float32(*v)).collect(),
            Numbers::F64(v) => v.iter().map(|v| Val::Float64(*v)).collect(),
        }),
        (Type::List(ty), Value::List(items)) => {
            Val::List(items.iter().map(|item| to_val(ty, item)).collect())
        }
        (Type::Record(fields), Value::Record(values)) => Val::Record(
            fields
                .iter()
                .zip(values)
                .map(|(field, value)| (field.name.to_string(), to_val(&field.ty, value)))
                .collect(),
        ),
        (Type::Tuple(types), Value::Tuple(values)) => Val::Tuple(
            types
                .iter()
                .zip(values)
                .map(|(ty, value)| to_val(ty, value))
                .collect(),
        ),
        (Type::Variant(cases), Value::Variant(at, payload)) => {
            let case = &cases[*at as usize];
            Val::Variant(case.name.clone(), boxed(case.ty.as_ref(), payload))
        }
        (Type::Enum(labels), Value::Enum(at)) => Val::Enum(labels[*at as usize].clone()),
        (Type::Flags(labels), Value::Flags(words)) => Val::Flags(
            labels
                .iter()
                .enumerate()
                .filter(|(at, _)| words[at / 32] >> (at % 32) & 1 != 0)
                .map(|(_, label)| label.to_string())
                .collect(),
        ),
        (Type::Option(ty), Value::Option(payload)) => Val::Option(boxed(Some(ty), payload)),
        (Type::Result(ok, err), Value::Result(payload)) => Val::Result(match payload {
            Ok(value) => Ok(boxed(ok.as_deref(), value)),
            Err(value) => Err(boxed(err.as_deref(), value)),
        }),
        (ty, value) => panic!("{value:?} is no {ty}"),
    }
}

// ---- running ------------------------------------------------------------------------------------------

struct WasmSource {
    store: Store<()>,
    func: Func,
    ty: Arc<FunctionType>,
    /// The export that tells whether post-return ran, where there is one.
    returned: Option<Func>,
}

fn compile(text: &str) -> Component {
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    Component::new(&ENGINE, bytes).unwrap_or_else(|error| panic!("{error:#}\n{text}"))
}

fn start(component: &Component, linker: &Linker<()>, name: &str) -> WasmSource {
    let mut store = Store::new(&ENGINE, ());
    let instance = block_on(linker.instantiate_async(&mut store, component)).expect("an instance");
    let func = instance.get_func(&mut store, name).expect("the export");
    let ty = type_of(component, &func, &store);
    let returned = instance.get_func(&mut store, "returned");
    WasmSource {
        store,
        func,
        ty,
        returned,
    }
}

fn type_of(component: &Component, func: &Func, store: &Store<()>) -> Arc<FunctionType> {
    TypeReader::new(u64::MAX)
        .component(&component.component_type(), &func.ty(store))
        .expect("no limit")
}

impl WasmSource {
    fn new(text: &str, name: &str) -> WasmSource {
        start(&compile(text), &Linker::new(&ENGINE), name)
    }

    fn call(&mut self, params: &[Value], limits: Limits) -> wasmtime::Result<Vec<Value>> {
        check_params(&self.ty, params).map_err(wasmtime::Error::new)?;
        block_on(call(&self.func, &mut self.store, params, limits))
    }

    fn call_sync(&mut self, params: &[Value], limits: Limits) -> wasmtime::Result<Vec<Value>> {
        check_params(&self.ty, params).map_err(wasmtime::Error::new)?;
        call_sync(&self.func, &mut self.store, params, limits)
    }

    /// Wasmtime's own path.
    fn call_val(&mut self, params: &[Val]) -> wasmtime::Result<Val> {
        let mut results = [Val::Bool(false)];
        block_on(self.func.call_async(&mut self.store, params, &mut results))?;
        let [result] = results;
        Ok(result)
    }
}

fn any_case() -> impl Strategy<Value = (Type, Vec<Value>, &'static str, bool)> {
    let encoding = prop::sample::select(vec!["utf8", "utf16", "latin1+utf16"]);
    (any_type(), encoding, any::<bool>()).prop_flat_map(|(ty, encoding, through)| {
        let ty = if through { ty } else { wrap(ty) };
        let values = prop::collection::vec(value_of(&ty), 4);
        (Just(ty), values, Just(encoding), Just(through))
    })
}

#[test]
fn agrees_with_val() {
    let mut runner = TestRunner::new(Config {
        cases: 1500,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&any_case(), |(ty, values, encoding, through)| {
        let component = compile(&echo_component(&ty, encoding, through));
        let mut linkers = vec![Linker::new(&ENGINE)];
        if through {
            // Through our host import on the stack, through the async one, and through Wasmtime's.
            linkers = vec![
                Linker::new(&ENGINE),
                Linker::new(&ENGINE),
                Linker::new(&ENGINE),
            ];
            let host = echo_type(&ty);
            define_host_sync(&mut linkers[0].root(), "host", &host, |_, values| {
                Ok(values)
            })
            .expect("a host function");
            define_host(&mut linkers[1].root(), "host", &host, |_, values| {
                Box::pin(async move {
                    tokio::task::yield_now().await;
                    Ok(values)
                })
            })
            .expect("an async host function");
            linkers[2]
                .root()
                .func_new("host", |_, _, params, results| {
                    results.clone_from_slice(params);
                    Ok(())
                })
                .expect("a host function of Wasmtime's");
        }
        for (at, linker) in linkers.iter().enumerate() {
            let mut guest = start(&component, linker, "echo");
            prop_assert_eq!(whole(&guest.ty.params[0].ty), whole(&ty));
            for value in &values {
                let expected = to_val(&ty, value);
                let params = std::slice::from_ref(value);
                let ours = guest.call(params, Limits::default()).expect("an echo");
                prop_assert_eq!(ours.len(), 1);
                prop_assert_eq!(to_val(&ty, &ours[0]), expected.clone());
                if at != 1 {
                    let ours = guest.call_sync(params, Limits::default()).expect("an echo");
                    prop_assert_eq!(to_val(&ty, &ours[0]), expected.clone());
                }
                prop_assert_eq!(
                    guest
                        .call_val(std::slice::from_ref(&expected))
                        .expect("an echo"),
                    expected
                );
            }
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

// ---- hostile guests -----------------------------------------------------------------------------------

/// A component whose `f` gives what `body` leaves, as a `ty`. Bytes 0 to 1023 are `data`.
fn giving(types: &str, ty: &str, data: &str, body: &str) -> WasmSource {
    WasmSource::new(
        &format!(
            "(component {types}
              (core module $m {HEAP} (data (i32.const 0) \"{data}\")
                (func (export \"f\") (result i32) {body})
                (global $returned (mut i32) (i32.const 0))
                (func (export \"post\") (param i32) (global.set $returned (i32.const 1)))
                (func (export \"returned\") (result i32) (global.get $returned)))
              (core instance $core (instantiate $m))
              (func (export \"f\") (result {ty}) (canon lift (core func $core \"f\")
                (memory $core \"memory\") (realloc (func $core \"realloc\")) (post-return (func $core \"post\"))))
              (func (export \"returned\") (result u32) (canon lift (core func $core \"returned\"))))"
        ),
        "f",
    )
}

fn named(kind: &str) -> String {
    format!("(type $t' {kind}) (export $t \"t\" (type $t'))")
}

/// Little-endian words as WAT string text.
fn words(words: &[u32]) -> String {
    words
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .map(|byte| format!("\\{byte:02x}"))
        .collect()
}

fn our_error(error: &wasmtime::Error) -> Error {
    error
        .downcast_ref::<Error>()
        .unwrap_or_else(|| panic!("not ours: {error:#}"))
        .clone()
}

fn detail<'a>(error: &'a Error, key: &str) -> &'a Detail {
    let found = error.details.iter().find(|(name, _)| *name == key);
    &found.unwrap_or_else(|| panic!("no `{key}` in {error:?}")).1
}

fn text(error: &Error, key: &str) -> String {
    match detail(error, key) {
        Detail::Text(text) => text.clone(),
        other => panic!("`{key}` is {other:?}"),
    }
}

#[test]
fn hostile_guests_end_in_errors() {
    let at = "(i32.const 0)";
    let far = "(i32.const 0xfffffff0)";
    let variant = named("(variant (case \"a\" u64) (case \"b\" string))");
    let tuple = "(tuple u8 u64)";
    let cases: Vec<(&str, String, &str, String, &str, &str)> = vec![
        (
            "string beyond memory",
            String::new(),
            "string",
            words(&[0xffff_0000, 16]),
            at,
            "out of bounds",
        ),
        (
            "string length wraps",
            String::new(),
            "string",
            words(&[16, u32::MAX]),
            at,
            "out of bounds",
        ),
        (
            "string not UTF-8",
            String::new(),
            "string",
            words(&[8, 1, 0xff]),
            at,
            "utf-8",
        ),
        (
            "result pointer beyond memory",
            String::new(),
            "string",
            String::new(),
            far,
            "out of bounds",
        ),
        (
            "result pointer not aligned",
            String::new(),
            "string",
            String::new(),
            "(i32.const 2)",
            "not aligned",
        ),
        (
            "list beyond memory",
            String::new(),
            "(list u8)",
            words(&[60000, 60000]),
            at,
            "out of bounds",
        ),
        (
            "list size wraps",
            String::new(),
            "(list u64)",
            words(&[0, 0x2000_0001]),
            at,
            "out of bounds",
        ),
        (
            "list pointer wraps",
            String::new(),
            "(list u8)",
            words(&[u32::MAX, u32::MAX]),
            at,
            "out of bounds",
        ),
        (
            "list not aligned",
            String::new(),
            "(list u32)",
            words(&[2, 1]),
            at,
            "not aligned",
        ),
        (
            "empty list not aligned",
            String::new(),
            "(list u32)",
            words(&[2, 0]),
            at,
            "not aligned",
        ),
        (
            "list of strings beyond",
            String::new(),
            "(list string)",
            words(&[65528, 2]),
            at,
            "out of bounds",
        ),
        (
            "list of a bad string",
            String::new(),
            "(list string)",
            words(&[8, 1, 70000, 1]),
            at,
            "out of bounds",
        ),
        (
            "list of a bad char",
            String::new(),
            "(list char)",
            words(&[8, 2, 65, 0xd800]),
            at,
            "char",
        ),
        (
            "surrogate",
            String::new(),
            "char",
            String::new(),
            "(i32.const 0xdfff)",
            "char",
        ),
        (
            "char too large",
            String::new(),
            "char",
            String::new(),
            "(i32.const 0x110000)",
            "char",
        ),
        (
            "enum",
            named("(enum \"a\" \"b\")"),
            "$t",
            String::new(),
            "(i32.const 2)",
            "discriminant 2",
        ),
        (
            "enum, all bits",
            named("(enum \"a\" \"b\")"),
            "$t",
            String::new(),
            "(i32.const -1)",
            "discriminant",
        ),
        (
            "variant",
            variant.clone(),
            "$t",
            words(&[2]),
            at,
            "discriminant 2",
        ),
        (
            "variant's payload",
            variant,
            "$t",
            words(&[1, 0, u32::MAX, 1]),
            at,
            "out of bounds",
        ),
        (
            "option",
            String::new(),
            "(option u32)",
            words(&[2]),
            at,
            "discriminant 2",
        ),
        (
            "result",
            String::new(),
            "(result u32 (error string))",
            words(&[255]),
            at,
            "discriminant 255",
        ),
        (
            "bare result",
            String::new(),
            "(result)",
            String::new(),
            "(i32.const 7)",
            "discriminant 7",
        ),
        (
            "tuple at the end of memory",
            String::new(),
            tuple,
            String::new(),
            "(i32.const 65528)",
            "out of bounds",
        ),
    ];
    for (what, types, ty, data, body, expected) in cases {
        let mut guest = giving(&types, ty, &data, body);
        let error = guest.call(&[], Limits::default()).expect_err(what);
        let message = format!("{error:#}");
        assert!(message.contains(expected), "{what}: {message}");
        // The oracle refuses the same.
        assert!(
            giving(&types, ty, &data, body).call_val(&[]).is_err(),
            "{what}"
        );
    }
}

#[test]
fn padding_and_high_bits_are_dropped() {
    let flags = named("(flags \"a\" \"b\" \"c\")");
    let cases = [
        (giving("", "u8", "", "(i32.const 0x1ff)"), Value::U8(255)),
        (giving("", "s8", "", "(i32.const 0x180)"), Value::S8(-128)),
        (giving("", "bool", "", "(i32.const 256)"), Value::Bool(true)),
        (
            giving(&flags, "$t", "", "(i32.const 0xfd)"),
            Value::Flags(vec![5]),
        ),
    ];
    for (mut guest, expected) in cases {
        assert_eq!(
            guest.call_sync(&[], Limits::default()).expect("a value"),
            [expected]
        );
    }
}

// ---- limits -------------------------------------------------------------------------------------------

fn post_returned(guest: &mut WasmSource) -> bool {
    let func = guest.returned.expect("the export");
    call_sync(&func, &mut guest.store, &[], Limits::default()).expect("a flag") == [Value::U32(1)]
}

#[test]
fn results_beyond_the_limits_are_refused() {
    let bytes = |max_bytes| Limits {
        max_bytes,
        ..Limits::default()
    };
    let values = |max_values| Limits {
        max_values,
        ..Limits::default()
    };
    let nested = words(&[8, 3, 32, 1000, 32, 1000, 32, 1000]);
    let cases = [
        (
            "(list u64)",
            words(&[8, 100]),
            bytes(800),
            bytes(799),
            "maxResultBytes",
        ),
        (
            "string",
            words(&[32, 100]),
            bytes(100),
            bytes(99),
            "maxResultBytes",
        ),
        // One small memory, read many times over.
        (
            "(list string)",
            nested.clone(),
            bytes(3000),
            bytes(2999),
            "maxResultBytes",
        ),
        (
            "(list string)",
            nested,
            values(4),
            values(3),
            "maxResultValues",
        ),
        (
            "(list bool)",
            words(&[8, 1000]),
            values(1001),
            values(1000),
            "maxResultValues",
        ),
        (
            "(list (tuple bool bool))",
            words(&[8, 10]),
            values(31),
            values(30),
            "maxResultValues",
        ),
        (
            "(option (option u32))",
            words(&[1, 1, 1]),
            values(3),
            values(2),
            "maxResultValues",
        ),
    ];
    for (ty, data, enough, little, option) in cases {
        let mut guest = giving("", ty, &data, "(i32.const 0)");
        let error = our_error(&guest.call(&[], little).expect_err(ty));
        assert_eq!(error.code, ErrorCode::ResultTooLarge, "{ty}");
        assert_eq!(text(&error, "option"), option, "{ty}");
        let limit = if option == "maxResultBytes" {
            little.max_bytes
        } else {
            little.max_values
        };
        assert_eq!(
            detail(&error, "limit"),
            &Detail::Number(limit as f64),
            "{ty}"
        );
        assert!(
            post_returned(&mut guest),
            "{ty}: the guest's post-return ran"
        );
        let error = our_error(&guest.call_sync(&[], little).expect_err(ty));
        assert_eq!(error.code, ErrorCode::ResultTooLarge, "{ty}");
        // The instance is as usable as before.
        guest
            .call(&[], enough)
            .unwrap_or_else(|error| panic!("{ty}: {error:#}"));
        guest
            .call_sync(&[], enough)
            .unwrap_or_else(|error| panic!("{ty}: {error:#}"));
    }
}

#[test]
fn large_results_pass_wasmtimes_own_limit() {
    // 192 MiB of strings out of 1 KiB: more than the default hostcall fuel.
    let strings = 3 << 10;
    let grow = format!(
        "(local $at i32)
         (drop (memory.grow (i32.const 2)))
         (loop $next
            (i32.store (i32.add (i32.const 1024) (local.get $at)) (i32.const 0))
            (i32.store (i32.add (i32.const 1028) (local.get $at)) (i32.const 65536))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if $next (i32.lt_u (local.get $at) (i32.const {}))))
         (i32.store (i32.const 65536) (i32.const 1024)) (i32.store (i32.const 65540) (i32.const {strings}))
         (i32.const 65536)",
        strings * 8
    );
    let limits = Limits {
        max_bytes: 256 << 20,
        ..Limits::default()
    };
    let mut guest = giving("", "(list string)", "", &grow);
    // The bytes read hold the pairs themselves, which are no UTF-8 only where a byte is past 127.
    match guest.call(&[], limits) {
        Ok(values) => {
            assert!(matches!(&values[..], [Value::List(items)] if items.len() == strings))
        }
        Err(error) => panic!("{error:#}"),
    }
}

// ---- arguments ----------------------------------------------------------------------------------------

#[test]
fn wrong_arguments_are_named_and_leave_the_instance_usable() {
    let point = Type::Record(
        [
            ("x", Type::U8),
            ("tags", Type::List(Arc::new(Type::String))),
            ("kind", Type::Enum(labels("k", 3))),
        ]
        .into_iter()
        .map(|(name, ty)| Field {
            name: name.into(),
            ty,
        })
        .collect(),
    );
    let ty = wrap(Type::List(Arc::new(point)));
    let mut guest = WasmSource::new(&echo_component(&ty, "utf8", false), "echo");
    let value = |x: Value, tag: Value, kind: Value| {
        let record = Value::Record(vec![
            x,
            Value::List(vec![Value::String("a".into()), tag]),
            kind,
        ]);
        let mut fields = vec![Value::List(vec![record])];
        fields.extend(std::iter::repeat_n(Value::U8(1), 17));
        Value::Tuple(fields)
    };
    let good = value(Value::U8(1), Value::Utf8(b"b".to_vec()), Value::Enum(2));
    let cases = [
        (
            value(Value::U16(1), Value::String("b".into()), Value::Enum(2)),
            "args[0][0][0].x",
            "u8",
            "u16",
        ),
        (
            value(
                Value::U8(1),
                Value::Utf8(b"ok\xffno".to_vec()),
                Value::Enum(2),
            ),
            "args[0][0][0].tags[1]",
            "UTF-8",
            "byte 2",
        ),
        (
            value(Value::U8(1), Value::Bool(true), Value::Enum(2)),
            "args[0][0][0].tags[1]",
            "string",
            "bool",
        ),
        (
            value(Value::U8(1), Value::String("b".into()), Value::Enum(3)),
            "args[0][0][0].kind",
            "one of 3 labels",
            "label 3",
        ),
        (Value::Bool(true), "args[0]", &ty.to_string(), "bool"),
    ];
    for (wrong, path, expected, received) in cases {
        for error in [
            guest.call(std::slice::from_ref(&wrong), Limits::default()),
            guest.call_sync(&[wrong], Limits::default()),
        ] {
            let error = our_error(&error.expect_err(path));
            assert_eq!(error.code, ErrorCode::BadArgument);
            assert_eq!(
                text_of(&error),
                (path.to_owned(), expected.to_owned(), received.to_owned())
            );
        }
        guest
            .call(std::slice::from_ref(&good), Limits::default())
            .expect("still usable");
    }
    for params in [&[][..], &[good.clone(), good.clone()]] {
        let error = our_error(&guest.call(params, Limits::default()).expect_err("a count"));
        assert_eq!(error.code, ErrorCode::BadArgument);
        assert_eq!(text(&error, "expected"), "1 argument");
    }
}

#[test]
fn lowering_checks_types_even_when_the_caller_names_another() {
    for (real, wrong) in [
        (Type::U32, (Type::U8, Value::U8(1))),
        (
            Type::Enum(labels("a", 2)),
            (Type::Enum(labels("a", 9)), Value::Enum(8)),
        ),
        (
            Type::Flags(flags(2)),
            (Type::Flags(flags(9)), Value::Flags(vec![0x100])),
        ),
        (Type::Char, (Type::U32, Value::U32(0xd800))),
        (
            wrap(Type::List(Arc::new(Type::U64))),
            (Type::String, Value::String("text".into())),
        ),
        (
            wrap(Type::List(Arc::new(Type::U64))),
            (wrap(Type::List(Arc::new(Type::U8))), {
                let mut fields = vec![Value::Numbers(Numbers::U8(vec![1; 64]))];
                fields.extend(std::iter::repeat_n(Value::U8(1), 17));
                Value::Tuple(fields)
            }),
        ),
    ] {
        let mut guest = WasmSource::new(&echo_component(&real, "utf8", false), "echo");
        Arc::make_mut(&mut guest.ty).params[0].ty = wrong.0;
        let error = guest
            .call(&[wrong.1], Limits::default())
            .expect_err("another type");
        assert_eq!(our_error(&error).code, ErrorCode::BadArgument, "{real}");
    }
}

#[test]
fn flat_and_spilled_parameters() {
    // 16 stay core values, 17 and 20 move to memory.
    for count in [16, 17, 20] {
        let names: String = (0..count)
            .map(|at| format!("(param \"p{at}\" u64) "))
            .collect();
        let (params, sum): (String, String) = if count <= 16 {
            let sum = (1..count).fold("(local.get 0)".to_owned(), |sum, at| {
                format!("(i64.add (i64.mul {sum} (i64.const 3)) (local.get {at}))")
            });
            ("i64 ".repeat(count), sum)
        } else {
            let sum = (1..count).fold("(i64.load (local.get 0))".to_owned(), |sum, at| {
                format!(
                    "(i64.add (i64.mul {sum} (i64.const 3)) (i64.load offset={} (local.get 0)))",
                    at * 8
                )
            });
            ("i32".to_owned(), sum)
        };
        let mut guest = WasmSource::new(
            &format!(
                "(component
                  (core module $m {HEAP} (func (export \"f\") (param {params}) (result i64) {sum}))
                  (core instance $core (instantiate $m))
                  (func (export \"f\") {names} (result u64) (canon lift (core func $core \"f\")
                    (memory $core \"memory\") (realloc (func $core \"realloc\")))))"
            ),
            "f",
        );
        let params: Vec<_> = (0..count as u64)
            .map(|at| Value::U64(at * at + 7))
            .collect();
        let expected = (1..count as u64).fold(7u64, |sum, at| {
            sum.wrapping_mul(3).wrapping_add(at * at + 7)
        });
        assert_eq!(
            guest.call(&params, Limits::default()).expect("a sum"),
            [Value::U64(expected)]
        );
        assert_eq!(
            guest.call_sync(&params, Limits::default()).expect("a sum"),
            [Value::U64(expected)]
        );
    }
}

#[test]
fn functions_without_parameters_or_results() {
    let mut guest = WasmSource::new(
        "(component (core module $m (func (export \"f\"))) (core instance $core (instantiate $m))
          (func (export \"f\") (canon lift (core func $core \"f\"))))",
        "f",
    );
    assert_eq!(guest.call(&[], Limits::default()).expect("nothing"), []);
    assert_eq!(
        guest.call_sync(&[], Limits::default()).expect("nothing"),
        []
    );
}

// ---- host functions -----------------------------------------------------------------------------------

#[test]
fn host_functions_are_checked() {
    let ty = Type::List(Arc::new(Type::String));
    let component = compile(&echo_component(&ty, "utf8", true));
    let param = Value::List(vec![Value::String("a".into())]);
    // A result of another type is told with its path.
    let mut linker = Linker::new(&ENGINE);
    let wrong = Value::List(vec![Value::U8(1)]);
    define_host_sync(&mut linker.root(), "host", &echo_type(&ty), move |_, _| {
        Ok(vec![wrong.clone()])
    })
    .expect("defined");
    let error =
        start(&component, &linker, "echo").call(std::slice::from_ref(&param), Limits::default());
    let error = our_error(&error.expect_err("a wrong result"));
    assert_eq!(
        (error.code, text(&error, "path")),
        (ErrorCode::BadArgument, "result[0]".to_owned())
    );
    // So is one that only the guest's own type refuses.
    let mut linker = Linker::new(&ENGINE);
    define_host_sync(
        &mut linker.root(),
        "host",
        &echo_type(&Type::List(Arc::new(Type::U8))),
        |_, _| Ok(vec![Value::Numbers(Numbers::U8(vec![1]))]),
    )
    .expect("defined");
    let error =
        start(&component, &linker, "echo").call(std::slice::from_ref(&param), Limits::default());
    assert_eq!(
        our_error(&error.expect_err("another type")).code,
        ErrorCode::BadArgument
    );
    // Its own error arrives as it is.
    let mut linker = Linker::new(&ENGINE);
    define_host(&mut linker.root(), "host", &echo_type(&ty), |_, _| {
        Box::pin(async {
            Err(wasmtime::Error::new(Error::new(
                ErrorCode::HostFunction,
                "no",
            )))
        })
    })
    .expect("defined");
    let error =
        start(&component, &linker, "echo").call(std::slice::from_ref(&param), Limits::default());
    assert_eq!(
        our_error(&error.expect_err("its error")).code,
        ErrorCode::HostFunction
    );
    // The limits of the call hold for the arguments of a host function too.
    let mut linker = Linker::new(&ENGINE);
    define_host_sync(&mut linker.root(), "host", &echo_type(&ty), |_, values| {
        Ok(values)
    })
    .expect("defined");
    let limits = Limits {
        max_values: 1,
        ..Limits::default()
    };
    let error = start(&component, &linker, "echo").call(std::slice::from_ref(&param), limits);
    assert_eq!(
        our_error(&error.expect_err("too many values")).code,
        ErrorCode::ResultTooLarge
    );
    // Another count of core values fails when the component is linked.
    let mut linker = Linker::<()>::new(&ENGINE);
    define_host_sync(
        &mut linker.root(),
        "host",
        &echo_type(&Type::U32),
        |_, values| Ok(values),
    )
    .expect("defined");
    assert!(linker.instantiate_pre(&component).is_err());
    // A type that cannot cross is refused when it is defined.
    let unsupported = echo_type(&Type::Option(Arc::new(Type::Unsupported(
        "own<resource>".into(),
    ))));
    let error = define_host_sync(&mut linker.root(), "other", &unsupported, |_, values| {
        Ok(values)
    });
    assert_eq!(
        our_error(&error.expect_err("a resource")).code,
        ErrorCode::Unsupported
    );
}

// ---- types --------------------------------------------------------------------------------------------

#[test]
fn types_are_written_as_wit_does() {
    let ty = Type::Result(
        Some(Arc::new(Type::Tuple(
            [Type::U8, Type::List(Arc::new(Type::String))].into(),
        ))),
        Some(Arc::new(Type::Variant(
            [
                Case {
                    name: "not-found".into(),
                    ty: None,
                },
                Case {
                    name: "io".into(),
                    ty: Some(Type::Char),
                },
            ]
            .into(),
        ))),
    );
    assert_eq!(
        ty.to_string(),
        "result<tuple<u8, list<string>>, variant { not-found, io(char) }>"
    );
    assert_eq!(
        Type::Result(None, Some(Arc::new(Type::Bool))).to_string(),
        "result<_, bool>"
    );
    let record = Type::Record(
        [Field {
            name: "x".into(),
            ty: Type::F64,
        }]
        .into(),
    );
    assert_eq!(record.to_string(), "record { x: f64 }");
    assert_eq!(Type::Flags(flags(2)).to_string(), "flags { f0, f1 }");
}

// ---- core modules -------------------------------------------------------------------------------------

#[test]
fn core_functions() {
    let text = "(module (import \"env\" \"mix\" (func $mix (param i32 i64 f32 f64) (result i64 i32 f64 f32)))
        (func (export \"f\") (param i32 i64 f32 f64) (result i64 i32 f64 f32)
            (call $mix (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
        (func (export \"v\") (param v128)))";
    let module =
        wasmtime::Module::new(&ENGINE, wat::parse_str(text).expect("WAT")).expect("a module");
    let import = module
        .imports()
        .next()
        .and_then(|import| import.ty().func().cloned())
        .expect("the import");
    let swap = |v: Vec<Value>| Ok(vec![v[1].clone(), v[0].clone(), v[3].clone(), v[2].clone()]);
    let params = [
        Value::U32(u32::MAX),
        Value::U64(u64::MAX),
        Value::F32(1.5),
        Value::F64(-0.0),
    ];
    let expected = [
        Value::S64(-1),
        Value::S32(-1),
        Value::F64(-0.0),
        Value::F32(1.5),
    ];
    let shape = Arc::new(FunctionType::from_core(&import));
    for asynchronous in [false, true] {
        let mut linker = wasmtime::Linker::new(&ENGINE);
        if asynchronous {
            define_core_host(
                &mut linker,
                "env",
                "mix",
                import.clone(),
                &shape,
                move |_, values| {
                    Box::pin(async move {
                        tokio::task::yield_now().await;
                        swap(values)
                    })
                },
            )
        } else {
            define_core_host_sync(
                &mut linker,
                "env",
                "mix",
                import.clone(),
                &shape,
                move |_, values| swap(values),
            )
        }
        .expect("a host function");
        let mut store = Store::new(&ENGINE, ());
        let instance =
            block_on(linker.instantiate_async(&mut store, &module)).expect("an instance");
        let func = instance.get_func(&mut store, "f").expect("the export");
        let ty = Arc::new(FunctionType::from_core(&func.ty(&store)));
        let mut func = CoreFunc::new(func, ty.clone());
        assert_eq!(
            block_on(func.call(&mut store, &params)).expect("values"),
            expected
        );
        if !asynchronous {
            for _ in 0..2 {
                assert_eq!(
                    func.call_sync(&mut store, params.to_vec()).expect("values"),
                    expected
                );
            }
        }
        let wrong = [
            Value::U8(1),
            Value::S64(1),
            Value::F32(0.0),
            Value::F64(0.0),
        ];
        let error = check_params(&ty, &wrong).expect_err("a u8");
        assert_eq!(
            (error.code, text_of(&error)),
            (
                ErrorCode::BadArgument,
                ("args[0]".into(), "i32".into(), "u8".into())
            )
        );
        // Lowering needs nobody's word for it.
        for wrong in [&wrong[..], &params[..3], &[]] {
            for error in [
                block_on(func.call(&mut store, wrong)),
                func.call_sync(&mut store, wrong.to_vec()),
            ] {
                let error = our_error(&error.expect_err("wrong values"));
                assert_eq!(error.code, ErrorCode::BadArgument);
            }
        }
        let vector = instance.get_func(&mut store, "v").expect("the export");
        let ty = Arc::new(FunctionType::from_core(&vector.ty(&store)));
        assert_eq!(ty.unsupported(), Some("v128"));
        let mut vector = CoreFunc::new(vector, ty);
        for error in [
            block_on(vector.call(&mut store, &[Value::U8(1)])),
            vector.call_sync(&mut store, vec![Value::U8(1)]),
        ] {
            assert_eq!(
                our_error(&error.expect_err("v128")).code,
                ErrorCode::Unsupported
            );
        }
    }
}

#[test]
fn a_core_function_is_not_called_on_this_stack_by_another_type() {
    let text = "(module (func (export \"f\") (param i64) (result i32) (i32.const 1)))";
    let module =
        wasmtime::Module::new(&ENGINE, wat::parse_str(text).expect("WAT")).expect("a module");
    let mut store = Store::new(&ENGINE, ());
    let instance = wasmtime::Instance::new(&mut store, &module, &[]).expect("an instance");
    let func = instance.get_func(&mut store, "f").expect("the export");
    for (params, results) in [
        (vec![Type::I32], vec![Type::I32]),
        (vec![Type::I64], vec![Type::F32]),
        (vec![Type::I64], vec![]),
        (vec![Type::I64, Type::I64], vec![Type::I32]),
    ] {
        let values = params
            .iter()
            .map(|ty| match ty {
                Type::I32 => Value::S32(1),
                _ => Value::S64(1),
            })
            .collect();
        let params = params
            .into_iter()
            .map(|ty| Field {
                name: "".into(),
                ty,
            })
            .collect();
        let ty = Arc::new(FunctionType::new(params, results));
        let error = CoreFunc::new(func, ty).call_sync(&mut store, values);
        assert_eq!(
            our_error(&error.expect_err("another type")).code,
            ErrorCode::BadArgument
        );
    }
}

fn text_of(error: &Error) -> (String, String, String) {
    (
        text(error, "path"),
        text(error, "expected"),
        text(error, "received"),
    )
}
