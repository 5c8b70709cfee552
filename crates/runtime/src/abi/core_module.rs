//! Functions of core modules, whose values are four kinds of numbers.

use super::check::check_results;
use super::host::HostFuture;
use crate::error::{Error, ErrorCode};
use crate::value::{FunctionType, Type, Value};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;
use wasmtime::{Caller, Func, FuncType, Linker, Store, Val, ValRaw, ValType};

/// A core function, called with values that [`check_params`](super::check_params) found good.
pub struct CoreFunc {
    func: Func,
    ty: Arc<FunctionType>,
    /// The buffer for parameters and results of calls on the caller's stack, as long as the longer of the two lists.
    /// `None` until `ty` was found to be the type of `func`.
    slots: Option<Box<[ValRaw]>>,
}

impl CoreFunc {
    /// `ty`: the type of `func`.
    pub fn new(func: Func, ty: Arc<FunctionType>) -> CoreFunc {
        CoreFunc {
            func,
            ty,
            slots: None,
        }
    }

    /// Calls it.
    pub async fn call<T: Send + 'static>(
        &self,
        store: &mut Store<T>,
        params: &[Value],
    ) -> wasmtime::Result<Vec<Value>> {
        check_callable(&self.ty, params)?;
        let types = self.ty.params.iter().map(|field| &field.ty);
        let params = types
            .zip(params)
            .map(|(ty, value)| to_val(ty, value))
            .collect::<Result<Vec<_>, _>>()?;
        let mut results = vec![Val::I32(0); self.ty.results.len()];
        self.func.call_async(store, &params, &mut results).await?;
        results.iter().map(from_val).collect()
    }

    /// Calls it on the caller's thread and stack. The list of arguments is used again for the results.
    pub fn call_sync<T: 'static>(
        &mut self,
        store: &mut Store<T>,
        mut values: Vec<Value>,
    ) -> wasmtime::Result<Vec<Value>> {
        check_callable(&self.ty, &values)?;
        let slots = match &mut self.slots {
            Some(slots) => slots,
            None => self.slots.insert(room(&self.func.ty(&*store), &self.ty)?),
        };
        for ((field, value), slot) in self.ty.params.iter().zip(&values).zip(&mut **slots) {
            *slot = to_raw(&field.ty, value)?;
        }
        // SAFETY: `slots` is alive and not borrowed elsewhere, and has room for all parameters and for all results of
        // `func`: `room` made it, and found `ty` to be the type of `func`. A value of its type was written for each
        // parameter just now, all of them numbers. The store is borrowed whole, so this is inside no other call of it.
        unsafe { self.func.call_unchecked(store, ptr::from_mut(&mut **slots)) }?;
        values.clear();
        for (ty, slot) in self.ty.results.iter().zip(&**slots) {
            values.push(from_raw(ty, slot)?);
        }
        Ok(values)
    }
}

/// Slots for a call of a function of type `ty`, which must be `shape`.
fn room(ty: &FuncType, shape: &FunctionType) -> wasmtime::Result<Box<[ValRaw]>> {
    check_shape(ty, shape)?;
    let count = shape.params.len().max(shape.results.len());
    Ok(vec![ValRaw::i64(0); count].into())
}

/// Checks that `shape` is the type `ty`, and has only numbers.
fn check_shape(ty: &FuncType, shape: &FunctionType) -> wasmtime::Result<()> {
    let same = |(ty, shape): (ValType, &Type)| {
        matches!(
            (ty, shape),
            (ValType::I32, Type::I32)
                | (ValType::I64, Type::I64)
                | (ValType::F32, Type::F32)
                | (ValType::F64, Type::F64)
        )
    };
    let params = shape.params.iter().map(|field| &field.ty);
    if ty.params().len() == shape.params.len()
        && ty.results().len() == shape.results.len()
        && ty.params().zip(params).all(same)
        && ty.results().zip(&shape.results).all(same)
    {
        return Ok(());
    }
    Err(super::lower::mismatch(&shape.to_string(), &ty.to_string()))
}

/// Defines an async host function as the import `name` of `module`. `shape`: the same type as `ty`.
pub fn define_core_host<T: Send + 'static>(
    linker: &mut Linker<T>,
    module: &str,
    name: &str,
    ty: FuncType,
    shape: &Arc<FunctionType>,
    call: impl Fn(Caller<'_, T>, Vec<Value>) -> HostFuture + Send + Sync + 'static,
) -> wasmtime::Result<()> {
    let shape = supported(name, shape)?;
    linker.func_new_async(module, name, ty, move |caller, params, results| {
        let shape = shape.clone();
        let future = from_vals(params).map(|params| call(caller, params));
        Box::new(async move { write_results(&shape, future?.await?, results) })
    })?;
    Ok(())
}

/// Defines a host function that runs on the caller's stack. Otherwise as [`define_core_host`].
pub fn define_core_host_sync<T: 'static>(
    linker: &mut Linker<T>,
    module: &str,
    name: &str,
    ty: FuncType,
    shape: &Arc<FunctionType>,
    call: impl Fn(Caller<'_, T>, Vec<Value>) -> wasmtime::Result<Vec<Value>> + Send + Sync + 'static,
) -> wasmtime::Result<()> {
    let shape = supported(name, shape)?;
    check_shape(&ty, &shape)?;
    let call = move |caller: Caller<'_, T>, slots: &mut [MaybeUninit<ValRaw>]| {
        let mut values = Vec::with_capacity(slots.len());
        for (field, slot) in shape.params.iter().zip(&*slots) {
            // SAFETY: the guest wrote a value for each parameter of the import's type, which `shape` is.
            values.push(from_raw(&field.ty, unsafe { slot.assume_init_ref() })?);
        }
        let values = call(caller, values)?;
        check_results(&shape, &values).map_err(wasmtime::Error::new)?;
        for ((ty, value), slot) in shape.results.iter().zip(&values).zip(slots) {
            slot.write(to_raw(ty, value)?);
        }
        Ok(())
    };
    // SAFETY: `check_shape` found `shape` to be `ty`. By it the function reads its parameters, and before `Ok` it
    // writes a value of its type, which `to_raw` checks, for each result: `check_results` counted them. There is a slot
    // for each.
    unsafe { linker.func_new_unchecked(module, name, ty, call) }?;
    Ok(())
}

fn supported(name: &str, ty: &Arc<FunctionType>) -> wasmtime::Result<Arc<FunctionType>> {
    match ty.unsupported() {
        Some(feature) => Err(unsupported(&format!("the import `{name}`"), feature)),
        None => Ok(ty.clone()),
    }
}

/// Refuses a function whose values cannot cross, and a wrong number of arguments.
fn check_callable(ty: &FunctionType, params: &[Value]) -> wasmtime::Result<()> {
    if let Some(feature) = ty.unsupported() {
        return Err(unsupported("the function", feature));
    }
    if ty.params.len() == params.len() {
        return Ok(());
    }
    let expected = format!("{} values", ty.params.len());
    Err(super::lower::mismatch(&expected, &params.len().to_string()))
}

fn write_results(
    ty: &FunctionType,
    values: Vec<Value>,
    results: &mut [Val],
) -> wasmtime::Result<()> {
    check_results(ty, &values).map_err(wasmtime::Error::new)?;
    for ((ty, value), result) in ty.results.iter().zip(&values).zip(results) {
        *result = to_val(ty, value)?;
    }
    Ok(())
}

#[inline]
fn to_val(ty: &Type, value: &Value) -> wasmtime::Result<Val> {
    Ok(match (ty, value) {
        (Type::I32, Value::S32(value)) => Val::I32(*value),
        (Type::I32, Value::U32(value)) => Val::I32(value.cast_signed()),
        (Type::I64, Value::S64(value)) => Val::I64(*value),
        (Type::I64, Value::U64(value)) => Val::I64(value.cast_signed()),
        (Type::F32, Value::F32(value)) => Val::F32(value.to_bits()),
        (Type::F64, Value::F64(value)) => Val::F64(value.to_bits()),
        _ => return Err(super::lower::mismatch(&ty.to_string(), value.kind())),
    })
}

/// Like [`to_val`], in the form that a slot holds.
#[inline]
fn to_raw(ty: &Type, value: &Value) -> wasmtime::Result<ValRaw> {
    Ok(match to_val(ty, value)? {
        Val::I32(value) => ValRaw::i32(value),
        Val::I64(value) => ValRaw::i64(value),
        Val::F32(bits) => ValRaw::f32(bits),
        Val::F64(bits) => ValRaw::f64(bits),
        _ => return Err(unsupported("a value", &ty.to_string())),
    })
}

#[inline]
fn from_raw(ty: &Type, slot: &ValRaw) -> wasmtime::Result<Value> {
    Ok(match ty {
        Type::I32 => Value::S32(slot.get_i32()),
        Type::I64 => Value::S64(slot.get_i64()),
        Type::F32 => Value::F32(f32::from_bits(slot.get_f32())),
        Type::F64 => Value::F64(f64::from_bits(slot.get_f64())),
        _ => return Err(unsupported("a value", &ty.to_string())),
    })
}

fn from_vals(values: &[Val]) -> wasmtime::Result<Vec<Value>> {
    values.iter().map(from_val).collect()
}

fn from_val(value: &Val) -> wasmtime::Result<Value> {
    Ok(match value {
        Val::I32(value) => Value::S32(*value),
        Val::I64(value) => Value::S64(*value),
        Val::F32(bits) => Value::F32(f32::from_bits(*bits)),
        Val::F64(bits) => Value::F64(f64::from_bits(*bits)),
        Val::V128(_) => return Err(unsupported("a value", "v128")),
        _ => return Err(unsupported("a value", "a reference")),
    })
}

#[cold]
fn unsupported(what: &str, feature: &str) -> wasmtime::Error {
    let message = format!("{what} has the type {feature}, which cannot cross yet");
    wasmtime::Error::new(Error::new(ErrorCode::Unsupported, message).text("feature", feature))
}
