//! Values of a guest as JavaScript values, on the JavaScript thread.

use crate::js::{Js, JsResult, Raw};
use crate::shape::{Record, Shape, Signature};
use napi::sys::{TypedarrayType, napi_typedarray_type};
use riptide_wasm_runtime::call::CallStats;
use riptide_wasm_runtime::error::{Error, ErrorCode};
use riptide_wasm_runtime::value::{Numbers, Type, Value};
use std::slice;
use std::time::Duration;

/// Elements made in one handle scope: few enough to stay small, many enough that opening scopes costs nothing.
const ELEMENTS_A_SCOPE: usize = 512;

/// From how many records on their key strings are made once instead of once a record.
const SHARE_KEYS_FROM: usize = 4;

/// The results of a call: `undefined`, the value, or an array of several. A result's `ok` stands for itself; its `err`
/// never comes here, the runtime has made it a failure.
pub(crate) fn results(js: Js, values: &[Value], signature: &Signature) -> JsResult<Raw> {
    let mut writer = Writer::new(js, signature.records);
    match (values, &*signature.results) {
        ([], []) => js.undefined(),
        ([Value::Result(Ok(value))], [Shape::Result(shape, _)]) => writer.side(value, shape),
        ([value], [shape]) => writer.write(value, shape),
        (values, shapes) => writer.sequence(values, shapes),
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
pub(crate) fn arguments(js: Js, values: &[Value], signature: &Signature) -> JsResult<Raw> {
    Writer::new(js, signature.records).sequence(values, &signature.params)
}

/// One value whose type was not made ready: the payload of an error.
pub(crate) fn value(js: Js, value: &Value, ty: &Type) -> JsResult<Raw> {
    let mut records = 0;
    let shape = Shape::new(ty, &mut records);
    Writer::new(js, records).write(value, &shape)
}

/// Makes the values of one conversion.
struct Writer {
    js: Js,
    /// Key strings of records in lists, by record id; made in the scope of the list.
    keys: Vec<Option<Vec<Raw>>>,
}

impl Writer {
    fn new(js: Js, records: usize) -> Writer {
        let mut keys = Vec::new();
        keys.resize_with(records, || None);
        Writer { js, keys }
    }

    fn write(&mut self, value: &Value, shape: &Shape) -> JsResult<Raw> {
        let js = self.js;
        match (value, shape) {
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
            (Value::List(values), Shape::List(shape)) => self.list(values, shape),
            (Value::Record(values), Shape::Record(record)) => self.record(values, record),
            (Value::Tuple(values), Shape::Tuple(shapes)) => self.sequence(values, shapes),
            (Value::Variant(index, payload), Shape::Variant(cases)) => match cases
                .get(*index as usize)
            {
                Some((name, shape)) => self.tagged(name, payload.as_deref(), shape.as_ref(), false),
                None => Err(mismatch().into()),
            },
            (Value::Enum(index), Shape::Enum(labels)) => match labels.get(*index as usize) {
                Some(label) => js.string(label),
                None => Err(mismatch().into()),
            },
            (Value::Flags(words), Shape::Flags(labels)) => {
                let object = js.object()?;
                for (index, label) in labels.iter().enumerate() {
                    let word = words.get(index / 32).copied().unwrap_or(0);
                    let flag = js.boolean(word >> (index % 32) & 1 == 1)?;
                    js.set_named(object, label, flag)?;
                }
                Ok(object)
            }
            (Value::Option(None), Shape::Option(_)) => js.undefined(),
            (Value::Option(Some(value)), Shape::Option(shape)) => self.write(value, shape),
            (Value::Option(None), Shape::NestedOption(_)) => self.tagged("none", None, None, false),
            (Value::Option(Some(value)), Shape::NestedOption(shape)) => {
                self.tagged("some", Some(value), Some(shape), false)
            }
            (Value::Result(Ok(value)), Shape::Result(shape, _)) => {
                self.tagged("ok", value.as_deref(), shape.as_deref(), true)
            }
            (Value::Result(Err(value)), Shape::Result(_, shape)) => {
                self.tagged("err", value.as_deref(), shape.as_deref(), true)
            }
            _ => Err(mismatch().into()),
        }
    }

    /// One side of a result, which may carry nothing.
    fn side(&mut self, value: &Option<Box<Value>>, shape: &Option<Box<Shape>>) -> JsResult<Raw> {
        match (value, shape) {
            (Some(value), Some(shape)) => self.write(value, shape),
            _ => self.js.undefined(),
        }
    }

    fn tagged(
        &mut self,
        tag: &str,
        value: Option<&Value>,
        shape: Option<&Shape>,
        always: bool,
    ) -> JsResult<Raw> {
        let js = self.js;
        let object = js.object()?;
        let tag = js.string(tag)?;
        js.set_named(object, "tag", tag)?;
        match (value, shape) {
            (Some(value), Some(shape)) => {
                let value = self.write(value, shape)?;
                js.set_named(object, "val", value)?;
            }
            // As in jco, a result has `val` in any case.
            _ if always => js.set_named(object, "val", js.undefined()?)?,
            _ => {}
        }
        Ok(object)
    }

    fn sequence(&mut self, values: &[Value], shapes: &[Shape]) -> JsResult<Raw> {
        let js = self.js;
        if values.len() != shapes.len() {
            return Err(mismatch().into());
        }
        let array = js.array(values.len())?;
        for (index, (value, shape)) in values.iter().zip(shapes).enumerate() {
            let value = self.write(value, shape)?;
            js.set_element(array, index, value)?;
        }
        Ok(array)
    }

    fn list(&mut self, values: &[Value], shape: &Shape) -> JsResult<Raw> {
        let js = self.js;
        let array = js.array(values.len())?;
        let mut made = Vec::new();
        if values.len() >= SHARE_KEYS_FROM {
            self.share_keys(shape, &mut made)?;
        }
        for (chunk, values) in values.chunks(ELEMENTS_A_SCOPE).enumerate() {
            let _scope = js.scope()?;
            for (index, value) in values.iter().enumerate() {
                let value = self.write(value, shape)?;
                js.set_element(array, chunk * ELEMENTS_A_SCOPE + index, value)?;
            }
        }
        // The strings end with the scope they were made in.
        made.into_iter().for_each(|id| self.keys[id] = None);
        Ok(array)
    }

    fn share_keys(&mut self, shape: &Shape, made: &mut Vec<usize>) -> JsResult<()> {
        let mut records = Vec::new();
        shape.each_record(&mut |record| records.push(record));
        for record in records {
            if self.keys[record.id].is_none() {
                let keys = record
                    .fields
                    .iter()
                    .map(|(name, _)| self.js.string(name))
                    .collect::<JsResult<_>>()?;
                self.keys[record.id] = Some(keys);
                made.push(record.id);
            }
        }
        Ok(())
    }

    fn record(&mut self, values: &[Value], record: &Record) -> JsResult<Raw> {
        let js = self.js;
        if values.len() != record.fields.len() {
            return Err(mismatch().into());
        }
        let object = js.object()?;
        for (index, (value, (name, shape))) in values.iter().zip(&record.fields).enumerate() {
            let value = self.write(value, shape)?;
            match &self.keys[record.id] {
                Some(keys) => js.set(object, keys[index], value)?,
                None => js.set_named(object, name, value)?,
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
