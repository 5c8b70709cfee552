//! JavaScript values as values of a guest. Everything is checked here; an error names the path of the value that does
//! not fit.
//!
//! Reading an object may run the caller's code (getters, proxies), so an exception of that code is passed on as it is,
//! and no address of the caller's data is kept across such a step.

use crate::js::{Fault, Js, JsResult, Kind, Raw};
use crate::keys::Keys;
use crate::number::Number;
use napi::sys::TypedarrayType;
use riptide_wasm_runtime::error::{Error, ErrorCode};
use riptide_wasm_runtime::value::{Case, Field, FunctionType, Label, Numbers, Text, Type, Value};
use std::fmt::Write as _;
use std::sync::Arc;

/// The longest array that V8 keeps as a block on the 64-bit platforms (`FixedArray::kMaxLength`). Longer ones are
/// mostly holes, and walking them would only hold up the event loop.
const LONGEST_ARRAY: usize = 134_217_725;

/// Elements read in one handle scope: few enough to stay small, many enough that opening scopes costs little.
const ELEMENTS_A_SCOPE: usize = 512;

/// How many characters of a wrong string the message shows.
const SHOWN: usize = 40;

/// The arguments of a call as values, one for each parameter, out of an array.
pub(crate) fn arguments(js: Js, array: Raw, ty: &FunctionType) -> JsResult<Vec<Value>> {
    let count = if js.is_array(array)? {
        js.array_length(array)?
    } else {
        0
    };
    each_argument(js, count, |index| js.get_element(array, index), ty)
}

/// Like [`arguments`], from a list of values.
pub(crate) fn listed(js: Js, given: &[Raw], ty: &FunctionType) -> JsResult<Vec<Value>> {
    each_argument(js, given.len(), |index| Ok(given[index]), ty)
}

fn each_argument(
    js: Js,
    count: usize,
    argument: impl Fn(usize) -> JsResult<Raw>,
    ty: &FunctionType,
) -> JsResult<Vec<Value>> {
    let mut reader = Reader::new(js);
    let params = &ty.params;
    if count != params.len() {
        let plural = if params.len() == 1 {
            "argument"
        } else {
            "arguments"
        };
        let wrong = Wrong::new(format!("{} {plural}", params.len()), count.to_string());
        return Err(wrong.into_error("args").into());
    }
    let mut values = Vec::with_capacity(count);
    for (index, param) in params.iter().enumerate() {
        match reader.read(argument(index)?, &param.ty) {
            Ok(value) => values.push(value),
            Err(stop) => return Err(stop.into_fault(&format!("args[{index}]"))),
        }
    }
    Ok(values)
}

/// The value that a host function returned, as results.
pub(crate) fn results(js: Js, value: Raw, ty: &FunctionType) -> JsResult<Vec<Value>> {
    let mut reader = Reader::new(js);
    let mut read = |value, ty: &Type| {
        // The function's own `result`: returning is the `ok` case.
        let read = match ty {
            Type::Result(ok, _) => reader
                .side(value, ok.as_deref())
                .map(|ok| Value::Result(Ok(ok))),
            ty => reader.read(value, ty),
        };
        read.map_err(|stop| stop.into_fault("result"))
    };
    match &*ty.results {
        [] => Ok(Vec::new()),
        [ty] => Ok(vec![read(value, ty)?]),
        types => {
            if !js.is_array(value)? || js.array_length(value)? != types.len() {
                let received = describe(js, value)?;
                let expected = format!("an array of {} results", types.len());
                return Err(Wrong::new(expected, received).into_error("result").into());
            }
            types
                .iter()
                .enumerate()
                .map(|(index, ty)| read(js.get_element(value, index)?, ty))
                .collect()
        }
    }
}

/// The value that a host function gave as the `err` case of its own `result`, as results.
pub(crate) fn err_result(js: Js, value: Raw, ty: &FunctionType) -> JsResult<Vec<Value>> {
    let mut reader = Reader::new(js);
    match &*ty.results {
        [Type::Result(_, err)] => match reader.side(value, err.as_deref()) {
            Ok(err) => Ok(vec![Value::Result(Err(err))]),
            Err(stop) => Err(stop.into_fault("result")),
        },
        _ => {
            let wrong = Wrong::new("a function whose type returns a result", "an err case");
            Err(wrong.into_error("result").into())
        }
    }
}

/// Why reading stopped.
enum Stop {
    Fault(Fault),
    Wrong(Box<Wrong>),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

impl Stop {
    /// Adds a step to the path of the wrong value; steps arrive from the inside out.
    fn at(mut self, step: impl FnOnce() -> Step) -> Stop {
        if let Stop::Wrong(wrong) = &mut self {
            wrong.path.push(step());
        }
        self
    }

    fn into_fault(self, root: &str) -> Fault {
        match self {
            Stop::Fault(fault) => fault,
            Stop::Wrong(wrong) => wrong.into_error(root).into(),
        }
    }
}

enum Step {
    Index(usize),
    Key(String),
}

/// A value that does not fit its type.
struct Wrong {
    path: Vec<Step>,
    expected: String,
    received: String,
}

impl Wrong {
    fn new(expected: impl Into<String>, received: impl Into<String>) -> Wrong {
        Wrong {
            path: Vec::new(),
            expected: expected.into(),
            received: received.into(),
        }
    }

    fn into_error(self, root: &str) -> Error {
        let path = Text::of(|path| {
            path.write_str(root)?;
            self.path.iter().rev().try_for_each(|step| match step {
                Step::Index(index) => write!(path, "[{index}]"),
                Step::Key(key) => write!(path, ".{key}"),
            })
        });
        let message = format!(
            "{path}: expected {}, received {}",
            self.expected, self.received
        );
        Error::new(ErrorCode::BadArgument, message)
            .text("path", path)
            .text("expected", self.expected)
            .text("received", self.received)
    }
}

fn wrong<T>(js: Js, value: Raw, expected: impl Into<String>) -> Result<T, Stop> {
    let received = describe(js, value)?;
    Err(Stop::Wrong(Box::new(Wrong::new(expected, received))))
}

/// A value in a few words, without running any of the caller's code.
fn describe(js: Js, value: Raw) -> JsResult<String> {
    Ok(match js.kind(value)? {
        Kind::Undefined => "undefined".into(),
        Kind::Null => "null".into(),
        Kind::Boolean => format!("boolean {}", js.as_bool(value)?),
        Kind::Number => {
            let number = js.as_number(value)?.unwrap_or(f64::NAN);
            match number {
                f64::INFINITY => "number Infinity".into(),
                f64::NEG_INFINITY => "number -Infinity".into(),
                number if number.abs() >= 1e21 => format!("number {number:e}"),
                number => format!("number {number}"),
            }
        }
        Kind::String => {
            let text = js.as_start(value)?;
            let shown: String = text.chars().take(SHOWN).collect();
            let more = if shown.len() < text.len() { "…" } else { "" };
            format!("string {shown:?}{more}")
        }
        Kind::Symbol => "symbol".into(),
        Kind::Function => "function".into(),
        Kind::BigInt => match (js.as_i64(value)?, js.as_u64(value)?) {
            ((number, true), _) => format!("bigint {number}n"),
            (_, (number, true)) => format!("bigint {number}n"),
            _ => "bigint of more than 64 bits".into(),
        },
        Kind::Object => {
            if js.is_array(value)? {
                format!("array of {}", js.array_length(value)?)
            } else if let Some(array) = js.as_typed_array(value)? {
                format!("{} of {}", typed_array_name(array.kind), array.length)
            } else {
                "object".into()
            }
        }
        Kind::Other => "external value".into(),
    })
}

fn typed_array_name(kind: napi::sys::napi_typedarray_type) -> &'static str {
    match kind {
        TypedarrayType::int8_array => "Int8Array",
        TypedarrayType::uint8_array => "Uint8Array",
        TypedarrayType::uint8_clamped_array => "Uint8ClampedArray",
        TypedarrayType::int16_array => "Int16Array",
        TypedarrayType::uint16_array => "Uint16Array",
        TypedarrayType::int32_array => "Int32Array",
        TypedarrayType::uint32_array => "Uint32Array",
        TypedarrayType::float32_array => "Float32Array",
        TypedarrayType::float64_array => "Float64Array",
        TypedarrayType::bigint64_array => "BigInt64Array",
        TypedarrayType::biguint64_array => "BigUint64Array",
        _ => "typed array",
    }
}

/// Reads values of one conversion.
struct Reader {
    js: Js,
    keys: Keys,
}

type Read<T> = Result<T, Stop>;

impl Reader {
    fn new(js: Js) -> Reader {
        Reader {
            js,
            keys: Keys::default(),
        }
    }

    fn read(&mut self, value: Raw, ty: &Type) -> Read<Value> {
        let js = self.js;
        Ok(match ty {
            // Signed and unsigned numbers are accepted: the type of a core function does not say which of them it
            // means.
            Type::I32 => {
                let number = self.whole(value, "i32", -(2f64.powi(31)), 2f64.powi(32) - 1.0)?;
                Value::S32(number as i64 as i32)
            }
            Type::I64 => {
                if js.kind(value)? != Kind::BigInt {
                    return wrong(js, value, "i64 (a bigint)");
                }
                match js.as_i64(value)? {
                    (number, true) => Value::S64(number),
                    _ => match js.as_u64(value)? {
                        (number, true) => Value::S64(number as i64),
                        _ => return wrong(js, value, "i64 (a bigint of up to 64 bits)"),
                    },
                }
            }
            Type::Bool => match js.kind(value)? {
                Kind::Boolean => Value::Bool(js.as_bool(value)?),
                _ => return wrong(js, value, "bool (a boolean)"),
            },
            Type::S8 => Value::S8(self.whole(value, "s8", i8::MIN.into(), i8::MAX.into())? as i8),
            Type::U8 => Value::U8(self.whole(value, "u8", 0.0, u8::MAX.into())? as u8),
            Type::S16 => {
                Value::S16(self.whole(value, "s16", i16::MIN.into(), i16::MAX.into())? as i16)
            }
            Type::U16 => Value::U16(self.whole(value, "u16", 0.0, u16::MAX.into())? as u16),
            Type::S32 => {
                Value::S32(self.whole(value, "s32", i32::MIN.into(), i32::MAX.into())? as i32)
            }
            Type::U32 => Value::U32(self.whole(value, "u32", 0.0, u32::MAX.into())? as u32),
            Type::S64 => Value::S64(self.s64(value)?),
            Type::U64 => Value::U64(self.u64(value)?),
            Type::F32 => Value::F32(self.float(value, "f32 (a number)")? as f32),
            Type::F64 => Value::F64(self.float(value, "f64 (a number)")?),
            Type::Char => Value::Char(self.char(value)?),
            Type::String => self.string(value)?,
            Type::List(element) => match Number::of(element) {
                Some(number) => Value::Numbers(self.numbers(value, number)?),
                None => Value::List(self.list(value, element)?),
            },
            Type::Record(fields) => Value::Record(self.record(value, fields)?),
            Type::Tuple(types) => Value::Tuple(self.tuple(value, types)?),
            Type::Variant(cases) => self.variant(value, cases)?,
            Type::Enum(labels) => match self.label(value, labels.iter())? {
                Some(index) => Value::Enum(index),
                None => return wrong(js, value, one_of("enum", labels.iter())),
            },
            Type::Flags(labels) => Value::Flags(self.flags(value, labels)?),
            // An option of an option is tagged, since `undefined` could be either.
            Type::Option(inner) => match (js.kind(value)?, &**inner) {
                (Kind::Undefined | Kind::Null, _) => Value::Option(None),
                (Kind::Object, Type::Option(_)) => match self.tag(value, ["none", "some"])? {
                    0 => Value::Option(None),
                    _ => Value::Option(self.payload(value, Some(inner))?),
                },
                (_, Type::Option(_)) => {
                    return wrong(
                        js,
                        value,
                        "option<option> (an object with a tag, none or some)",
                    );
                }
                (_, inner) => Value::Option(Some(Box::new(self.read(value, inner)?))),
            },
            Type::Result(ok, err) => {
                if js.kind(value)? != Kind::Object {
                    return wrong(js, value, "result (an object with a tag, ok or err)");
                }
                Value::Result(match self.tag(value, ["ok", "err"])? {
                    0 => Ok(self.payload(value, ok.as_deref())?),
                    _ => Err(self.payload(value, err.as_deref())?),
                })
            }
            Type::Unsupported(name) => {
                let error = Error::new(
                    ErrorCode::Unsupported,
                    format!("values of type {name} cannot be passed"),
                );
                return Err(Stop::Fault(error.text("feature", &**name).into()));
            }
        })
    }

    /// One side of a result, which may carry no value.
    fn side(&mut self, value: Raw, ty: Option<&Type>) -> Read<Option<Box<Value>>> {
        ty.map(|ty| self.read(value, ty).map(Box::new)).transpose()
    }

    fn whole(&self, value: Raw, name: &str, lowest: f64, highest: f64) -> Read<f64> {
        // NaN fails both comparisons; within these bounds an `i64` holds every whole number.
        if let Some(number) = self.js.as_number(value)?
            && number >= lowest
            && number <= highest
            && number as i64 as f64 == number
        {
            return Ok(number);
        }
        wrong(
            self.js,
            value,
            format!("{name} (a whole number from {lowest} to {highest})"),
        )
    }

    fn float(&self, value: Raw, expected: &str) -> Read<f64> {
        match self.js.as_number(value)? {
            Some(number) => Ok(number),
            None => wrong(self.js, value, expected),
        }
    }

    fn s64(&self, value: Raw) -> Read<i64> {
        if self.js.kind(value)? == Kind::BigInt
            && let (number, true) = self.js.as_i64(value)?
        {
            return Ok(number);
        }
        wrong(self.js, value, "s64 (a bigint from -2^63 to 2^63 - 1)")
    }

    fn u64(&self, value: Raw) -> Read<u64> {
        if self.js.kind(value)? == Kind::BigInt
            && let (number, true) = self.js.as_u64(value)?
        {
            return Ok(number);
        }
        wrong(self.js, value, "u64 (a bigint from 0 to 2^64 - 1)")
    }

    fn char(&self, value: Raw) -> Read<char> {
        let js = self.js;
        if js.kind(value)? == Kind::String {
            let (units, count) = js.as_code_units(value)?;
            let mut chars = char::decode_utf16(units[..count].iter().copied());
            if let (Some(Ok(only)), None) = (chars.next(), chars.next()) {
                return Ok(only);
            }
        }
        wrong(js, value, "char (a string of one code point)")
    }

    fn string(&self, value: Raw) -> Read<Value> {
        let js = self.js;
        match js.kind(value)? {
            Kind::String => return Ok(Value::Utf8(js.as_utf8(value)?)),
            Kind::Object => {
                if let Some(Numbers::U8(bytes)) =
                    self.block(value, Number::U8, "string (or its UTF-8 as a Uint8Array)")?
                {
                    return Ok(Value::Utf8(bytes));
                }
            }
            _ => {}
        }
        wrong(js, value, "string (or its UTF-8 as a Uint8Array)")
    }

    /// A copy of a typed array of the given kind. `None` if the value is not a typed array; a typed array of another
    /// kind is an error.
    fn block(&self, value: Raw, number: Number, expected: &str) -> Read<Option<Numbers>> {
        let js = self.js;
        let Some(array) = js.as_typed_array(value)? else {
            return Ok(None);
        };
        if array.length == 0 && js.is_detached(array.buffer).unwrap_or(false) {
            let received = format!("{} whose buffer is detached", typed_array_name(array.kind));
            return Err(Stop::Wrong(Box::new(Wrong::new(expected, received))));
        }
        Ok(Some(match (number, array.kind) {
            (Number::S8, TypedarrayType::int8_array) => Numbers::S8(array.copy()?),
            (Number::U8, TypedarrayType::uint8_array | TypedarrayType::uint8_clamped_array) => {
                Numbers::U8(array.copy()?)
            }
            (Number::S16, TypedarrayType::int16_array) => Numbers::S16(array.copy()?),
            (Number::U16, TypedarrayType::uint16_array) => Numbers::U16(array.copy()?),
            (Number::S32, TypedarrayType::int32_array) => Numbers::S32(array.copy()?),
            (Number::U32, TypedarrayType::uint32_array) => Numbers::U32(array.copy()?),
            (Number::S64, TypedarrayType::bigint64_array) => Numbers::S64(array.copy()?),
            (Number::U64, TypedarrayType::biguint64_array) => Numbers::U64(array.copy()?),
            (Number::F32, TypedarrayType::float32_array) => Numbers::F32(array.copy()?),
            (Number::F64, TypedarrayType::float64_array) => Numbers::F64(array.copy()?),
            _ => return wrong(js, value, expected),
        }))
    }

    fn numbers(&mut self, value: Raw, number: Number) -> Read<Numbers> {
        let (wit, array) = number.names();
        let expected = || format!("list<{wit}> ({array} or array)");
        if self.js.kind(value)? == Kind::Object {
            if self.js.is_array(value)? {
                return self.number_elements(value, number, expected);
            }
            if let Some(block) = self.block(value, number, &expected())? {
                return Ok(block);
            }
        }
        wrong(self.js, value, expected())
    }

    fn number_elements(
        &mut self,
        array: Raw,
        number: Number,
        expected: impl Fn() -> String,
    ) -> Read<Numbers> {
        let element = number.element();
        /// Reads every element as one variant of `Value` into one of `Numbers`.
        macro_rules! read {
            ($($variant:ident),*) => {
                match number {
                    $(Number::$variant => {
                        let mut out = Vec::new();
                        self.elements(array, expected, |reader, item| {
                            match reader.read(item, &element)? {
                                Value::$variant(item) => out.push(item),
                                _ => return wrong(reader.js, item, stringify!($variant)),
                            }
                            Ok(())
                        })?;
                        Numbers::$variant(out)
                    })*
                }
            };
        }
        Ok(read!(S8, U8, S16, U16, S32, U32, S64, U64, F32, F64))
    }

    /// Walks an array, with one handle scope for every [`ELEMENTS_A_SCOPE`] elements.
    fn elements(
        &mut self,
        array: Raw,
        expected: impl Fn() -> String,
        mut each: impl FnMut(&mut Reader, Raw) -> Read<()>,
    ) -> Read<()> {
        let js = self.js;
        let length = js.array_length(array)?;
        if length > LONGEST_ARRAY {
            return wrong(js, array, expected());
        }
        let mut index = 0;
        while index < length {
            let _scope = js.scope()?;
            let end = length.min(index + ELEMENTS_A_SCOPE);
            while index < end {
                let item = js.get_element(array, index)?;
                each(self, item).map_err(|stop| stop.at(|| Step::Index(index)))?;
                index += 1;
            }
        }
        Ok(())
    }

    fn list(&mut self, value: Raw, element: &Type) -> Read<Vec<Value>> {
        const EXPECTED: &str = "list (an array)";
        let js = self.js;
        if js.kind(value)? != Kind::Object || !js.is_array(value)? {
            return wrong(js, value, EXPECTED);
        }
        let made = self.keys.share(js, element, js.array_length(value)?)?;
        let mut out = Vec::new();
        let done = self.elements(
            value,
            || EXPECTED.into(),
            |reader, item| {
                out.push(reader.read(item, element)?);
                Ok(())
            },
        );
        self.keys.end(made);
        done.map(|()| out)
    }

    fn record(&mut self, value: Raw, fields: &Arc<[Field]>) -> Read<Vec<Value>> {
        let js = self.js;
        if js.kind(value)? != Kind::Object {
            return wrong(js, value, "record (an object)");
        }
        let mut out = Vec::with_capacity(fields.len());
        let keys = self.keys.of(fields);
        for (index, field) in fields.iter().enumerate() {
            let found = match &keys {
                Some(keys) => js.get(value, keys[index])?,
                None => js.get_named(value, field.name.camel())?,
            };
            out.push(
                self.read(found, &field.ty)
                    .map_err(|stop| stop.at(|| Step::Key(field.name.camel().into())))?,
            );
        }
        Ok(out)
    }

    fn tuple(&mut self, value: Raw, types: &[Type]) -> Read<Vec<Value>> {
        let js = self.js;
        if js.kind(value)? != Kind::Object
            || !js.is_array(value)?
            || js.array_length(value)? != types.len()
        {
            return wrong(js, value, format!("tuple (an array of {})", types.len()));
        }
        let mut out = Vec::with_capacity(types.len());
        for (index, ty) in types.iter().enumerate() {
            let item = js.get_element(value, index)?;
            out.push(
                self.read(item, ty)
                    .map_err(|stop| stop.at(|| Step::Index(index)))?,
            );
        }
        Ok(out)
    }

    /// The index of the label that a string is; `None` if it is none of them.
    fn label<'a>(
        &self,
        value: Raw,
        mut labels: impl Iterator<Item = &'a String>,
    ) -> Read<Option<u32>> {
        if self.js.kind(value)? != Kind::String {
            return Ok(None);
        }
        let text = self.js.as_utf8(value)?;
        Ok(labels
            .position(|label| label.as_bytes() == text)
            .map(|index| index as u32))
    }

    fn variant(&mut self, value: Raw, cases: &[Case]) -> Read<Value> {
        let js = self.js;
        if js.kind(value)? != Kind::Object {
            return wrong(js, value, "variant (an object with a tag)");
        }
        let tag = js.get_named(value, "tag")?;
        let Some(index) = self.label(tag, cases.iter().map(|case| &case.name))? else {
            let stop = wrong(
                js,
                tag,
                one_of("variant", cases.iter().map(|case| &case.name)),
            );
            return stop.map_err(|stop| stop.at(|| Step::Key("tag".into())));
        };
        let payload = self.payload(value, cases[index as usize].ty.as_ref())?;
        Ok(Value::Variant(index, payload))
    }

    /// Which of two tags an object has: 0 or 1.
    fn tag(&self, value: Raw, tags: [&str; 2]) -> Read<usize> {
        let js = self.js;
        let tag = js.get_named(value, "tag")?;
        if js.kind(tag)? == Kind::String {
            let text = js.as_utf8(tag)?;
            if let Some(index) = tags.iter().position(|tag| tag.as_bytes() == text) {
                return Ok(index);
            }
        }
        let stop = wrong(js, tag, format!("{:?} or {:?}", tags[0], tags[1]));
        stop.map_err(|stop| stop.at(|| Step::Key("tag".into())))
    }

    /// The `val` of a tagged object, if its case carries one.
    fn payload(&mut self, value: Raw, ty: Option<&Type>) -> Read<Option<Box<Value>>> {
        let Some(ty) = ty else { return Ok(None) };
        let payload = self.js.get_named(value, "val")?;
        let payload = self
            .read(payload, ty)
            .map_err(|stop| stop.at(|| Step::Key("val".into())))?;
        Ok(Some(Box::new(payload)))
    }

    fn flags(&mut self, value: Raw, labels: &[Label]) -> Read<Vec<u32>> {
        let js = self.js;
        // An array of labels, which some callers may try, would be read as no flag at all.
        if js.kind(value)? != Kind::Object || js.is_array(value)? {
            return wrong(js, value, "flags (an object of booleans)");
        }
        let mut words = vec![0u32; labels.len().div_ceil(32)];
        for (index, label) in labels.iter().enumerate() {
            let flag = js.get_named(value, label.camel())?;
            let set = match js.kind(flag)? {
                Kind::Undefined => false,
                Kind::Boolean => js.as_bool(flag)?,
                _ => {
                    return wrong(js, flag, "a boolean")
                        .map_err(|stop: Stop| stop.at(|| Step::Key(label.camel().into())));
                }
            };
            words[index / 32] |= u32::from(set) << (index % 32);
        }
        Ok(words)
    }
}

fn one_of<'a>(what: &str, labels: impl Iterator<Item = &'a String>) -> String {
    Text::of(|text| {
        write!(text, "{what} (one of ")?;
        for (at, label) in labels.enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(text, "{comma}{label:?}")?;
        }
        text.write_str(")")
    })
}
