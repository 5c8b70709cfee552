//! Values of a guest as JavaScript values, on the JavaScript thread.

use crate::js::{Js, JsResult, Raw};
use crate::keys::Keys;
use napi::sys::{TypedarrayType, napi_typedarray_type};
use riptide_wasm_runtime::error::{Error, ErrorCode};
use riptide_wasm_runtime::pool::CallStats;
use riptide_wasm_runtime::value::{Field, FunctionType, Numbers, Type, Value};
use std::ptr;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

/// Elements made in one handle scope: few enough to stay small, many enough that opening scopes costs little.
const ELEMENTS_A_SCOPE: usize = 512;

/// How many arguments are made without an allocation.
const INLINE: usize = 8;

/// The results of a call: `undefined`, the value, or an array of several. A top-level result's `ok` is given as its
/// value; its `err` never comes here, since the runtime makes it a failure.
pub(crate) fn results(js: Js, values: &[Value], ty: &FunctionType) -> JsResult<Raw> {
    let mut writer = Writer::new(js);
    match (values, &*ty.results) {
        ([], []) => js.undefined(),
        ([Value::Result(Ok(value))], [Type::Result(ok, _)]) => writer.side(value, ok),
        ([value], [ty]) => writer.write(value, ty),
        (values, types) => writer.sequence(values, types.iter()),
    }
}

/// `{ value, stats }`, times in milliseconds.
pub(crate) fn measured(js: Js, value: Raw, stats: &CallStats) -> JsResult<Raw> {
    let object = js.object()?;
    let millis = |time: Duration| js.number(time.as_secs_f64() * 1e3);
    js.set_named(object, "wallMillis", millis(stats.wall)?)?;
    if let Some(cpu) = stats.cpu {
        js.set_named(object, "cpuMillis", millis(cpu)?)?;
    }
    js.set_named(object, "queueMillis", millis(stats.queued)?)?;
    if let Some(fuel) = stats.fuel {
        js.set_named(object, "fuelConsumed", js.number(fuel.consumed as f64)?)?;
        if let Some(remaining) = fuel.remaining {
            js.set_named(object, "fuelRemaining", js.number(remaining as f64)?)?;
        }
    }
    js.set_named(object, "pagesBefore", js.number(stats.pages_before as f64)?)?;
    js.set_named(object, "pagesAfter", js.number(stats.pages_after as f64)?)?;
    js.set_named(object, "peakPages", js.number(stats.pages_peak as f64)?)?;
    let written = &stats.written;
    for (text, bytes, kept) in [
        ("stdout", "stdoutBytes", &written.stdout),
        ("stderr", "stderrBytes", &written.stderr),
    ] {
        js.set_named(object, text, js.string(&kept.text())?)?;
        js.set_named(object, bytes, js.bytes(&kept.bytes)?)?;
    }
    let both = js.object()?;
    js.set_named(both, "value", value)?;
    js.set_named(both, "stats", object)?;
    Ok(both)
}

/// The arguments of a host function as one array.
pub(crate) fn argument_array(js: Js, values: &[Value], ty: &FunctionType) -> JsResult<Raw> {
    let params = ty.params.iter().map(|param| &param.ty);
    Writer::new(js).sequence(values, params)
}

/// Calls `call` with the arguments of a host function as a list.
pub(crate) fn with_arguments<T>(
    js: Js,
    values: &[Value],
    ty: &FunctionType,
    call: impl FnOnce(&[Raw]) -> JsResult<T>,
) -> JsResult<T> {
    let params = &ty.params;
    if values.len() != params.len() {
        return Err(mismatch().into());
    }
    let mut inline = [ptr::null_mut(); INLINE];
    let mut all = Vec::new();
    let arguments = match inline.get_mut(..params.len()) {
        Some(arguments) => arguments,
        None => {
            all.resize(params.len(), ptr::null_mut());
            &mut all[..]
        }
    };
    let mut writer = Writer::new(js);
    for ((argument, value), param) in arguments.iter_mut().zip(values).zip(params) {
        *argument = writer.write(value, &param.ty)?;
    }
    call(arguments)
}

/// One value: the payload of an error.
pub(crate) fn value(js: Js, value: &Value, ty: &Type) -> JsResult<Raw> {
    Writer::new(js).write(value, ty)
}

/// Makes the values of one conversion.
struct Writer {
    js: Js,
    keys: Keys,
}

impl Writer {
    fn new(js: Js) -> Writer {
        Writer {
            js,
            keys: Keys::default(),
        }
    }

    fn write(&mut self, value: &Value, ty: &Type) -> JsResult<Raw> {
        let js = self.js;
        match (value, ty) {
            (Value::Bool(value), _) => js.boolean(*value),
            (Value::S8(value), _) => js.int((*value).into()),
            (Value::U8(value), _) => js.uint((*value).into()),
            (Value::S16(value), _) => js.int((*value).into()),
            (Value::U16(value), _) => js.uint((*value).into()),
            (Value::S32(value), _) => js.int(*value),
            (Value::U32(value), _) => js.uint(*value),
            (Value::S64(value), _) => js.bigint(*value),
            (Value::U64(value), _) => js.ubigint(*value),
            (Value::F32(value), _) => js.number((*value).into()),
            (Value::F64(value), _) => js.number(*value),
            (Value::Char(value), _) => js.string(value.encode_utf8(&mut [0; 4])),
            (Value::String(value), _) => js.string(value),
            (Value::Utf8(value), _) => match str::from_utf8(value) {
                Ok(value) => js.string(value),
                Err(_) => js.string(&String::from_utf8_lossy(value)),
            },
            (Value::Numbers(numbers), _) => self.numbers(numbers),
            (Value::List(values), Type::List(element)) => self.list(values, element),
            (Value::Record(values), Type::Record(fields)) => self.record(values, fields),
            (Value::Tuple(values), Type::Tuple(types)) => self.sequence(values, types.iter()),
            (Value::Variant(index, payload), Type::Variant(cases)) => match cases
                .get(*index as usize)
            {
                Some(case) => self.tagged(&case.name, payload.as_deref(), case.ty.as_ref(), false),
                None => Err(mismatch().into()),
            },
            (Value::Enum(index), Type::Enum(labels)) => match labels.get(*index as usize) {
                Some(label) => js.string(label),
                None => Err(mismatch().into()),
            },
            (Value::Flags(words), Type::Flags(labels)) => {
                let object = js.object()?;
                for (index, label) in labels.iter().enumerate() {
                    let word = words.get(index / 32).copied().unwrap_or(0);
                    let flag = js.boolean(word >> (index % 32) & 1 == 1)?;
                    js.set_named(object, label.camel(), flag)?;
                }
                Ok(object)
            }
            // An option of an option is tagged, since `undefined` could be either.
            (Value::Option(None), Type::Option(inner)) => match **inner {
                Type::Option(_) => self.tagged("none", None, None, false),
                _ => js.undefined(),
            },
            (Value::Option(Some(value)), Type::Option(inner)) => match **inner {
                Type::Option(_) => self.tagged("some", Some(value), Some(inner), false),
                _ => self.write(value, inner),
            },
            (Value::Result(Ok(value)), Type::Result(ok, _)) => {
                self.tagged("ok", value.as_deref(), ok.as_deref(), true)
            }
            (Value::Result(Err(value)), Type::Result(_, err)) => {
                self.tagged("err", value.as_deref(), err.as_deref(), true)
            }
            _ => Err(mismatch().into()),
        }
    }

    /// One side of a result, which may carry no value.
    fn side(&mut self, value: &Option<Box<Value>>, ty: &Option<Arc<Type>>) -> JsResult<Raw> {
        match (value, ty) {
            (Some(value), Some(ty)) => self.write(value, ty),
            _ => self.js.undefined(),
        }
    }

    fn tagged(
        &mut self,
        tag: &str,
        value: Option<&Value>,
        ty: Option<&Type>,
        always: bool,
    ) -> JsResult<Raw> {
        let js = self.js;
        let object = js.object()?;
        let tag = js.string(tag)?;
        js.set_named(object, "tag", tag)?;
        match (value, ty) {
            (Some(value), Some(ty)) => {
                let value = self.write(value, ty)?;
                js.set_named(object, "val", value)?;
            }
            // As in jco, a result has `val` in any case.
            _ if always => js.set_named(object, "val", js.undefined()?)?,
            _ => {}
        }
        Ok(object)
    }

    fn sequence<'a>(
        &mut self,
        values: &[Value],
        types: impl ExactSizeIterator<Item = &'a Type>,
    ) -> JsResult<Raw> {
        let js = self.js;
        if values.len() != types.len() {
            return Err(mismatch().into());
        }
        let array = js.array(values.len())?;
        for (index, (value, ty)) in values.iter().zip(types).enumerate() {
            let value = self.write(value, ty)?;
            js.set_element(array, index, value)?;
        }
        Ok(array)
    }

    fn list(&mut self, values: &[Value], element: &Type) -> JsResult<Raw> {
        let js = self.js;
        let array = js.array(values.len())?;
        let made = self.keys.share(js, element, values.len())?;
        for (chunk, values) in values.chunks(ELEMENTS_A_SCOPE).enumerate() {
            let _scope = js.scope()?;
            for (index, value) in values.iter().enumerate() {
                let value = self.write(value, element)?;
                js.set_element(array, chunk * ELEMENTS_A_SCOPE + index, value)?;
            }
        }
        self.keys.end(made);
        Ok(array)
    }

    fn record(&mut self, values: &[Value], fields: &Arc<[Field]>) -> JsResult<Raw> {
        let js = self.js;
        if values.len() != fields.len() {
            return Err(mismatch().into());
        }
        let object = js.object()?;
        let keys = self.keys.of(fields);
        for (index, (value, field)) in values.iter().zip(&**fields).enumerate() {
            let value = self.write(value, &field.ty)?;
            match &keys {
                Some(keys) => js.set(object, keys[index], value)?,
                None => js.set_named(object, field.name.camel(), value)?,
            }
        }
        Ok(object)
    }

    fn numbers(&self, numbers: &Numbers) -> JsResult<Raw> {
        match numbers {
            Numbers::S8(list) => self.block(TypedarrayType::int8_array, list),
            Numbers::U8(list) => self.block(TypedarrayType::uint8_array, list),
            Numbers::S16(list) => self.block(TypedarrayType::int16_array, list),
            Numbers::U16(list) => self.block(TypedarrayType::uint16_array, list),
            Numbers::S32(list) => self.block(TypedarrayType::int32_array, list),
            Numbers::U32(list) => self.block(TypedarrayType::uint32_array, list),
            Numbers::S64(list) => self.block(TypedarrayType::bigint64_array, list),
            Numbers::U64(list) => self.block(TypedarrayType::biguint64_array, list),
            Numbers::F32(list) => self.block(TypedarrayType::float32_array, list),
            Numbers::F64(list) => self.block(TypedarrayType::float64_array, list),
        }
    }

    fn block<T: Copy>(&self, kind: napi_typedarray_type, list: &[T]) -> JsResult<Raw> {
        // SAFETY: a slice of numbers read as its bytes; numbers have no padding.
        let bytes = unsafe { slice::from_raw_parts(list.as_ptr().cast::<u8>(), size_of_val(list)) };
        self.js.typed_array(kind, bytes, list.len())
    }
}

#[cold]
fn mismatch() -> Error {
    Error::new(
        ErrorCode::Internal,
        "a value does not have the shape of its type",
    )
}
