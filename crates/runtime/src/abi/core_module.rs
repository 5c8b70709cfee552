//! Functions of core modules, whose values are four kinds of numbers.

use super::check::{check_params, check_results};
use super::host::HostFuture;
use crate::error::{Error, ErrorCode};
use crate::value::{FunctionType, Type, Value};
use std::sync::Arc;
use wasmtime::{Caller, Func, FuncType, Linker, Store, Val};

/// Calls a core function. The arguments are checked before the guest is entered.
pub async fn call_core<T: Send + 'static>(
    func: &Func,
    store: &mut Store<T>,
    ty: &FunctionType,
    params: &[Value],
) -> wasmtime::Result<Vec<Value>> {
    let (params, mut results) = prepare(ty, params)?;
    func.call_async(store, &params, &mut results).await?;
    results.iter().map(from_val).collect()
}

/// Calls a core function on the caller's thread and stack.
pub fn call_core_sync<T: 'static>(
    func: &Func,
    store: &mut Store<T>,
    ty: &FunctionType,
    params: &[Value],
) -> wasmtime::Result<Vec<Value>> {
    let (params, mut results) = prepare(ty, params)?;
    func.call(store, &params, &mut results)?;
    results.iter().map(from_val).collect()
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
    linker.func_new(module, name, ty, move |caller, params, results| {
        write_results(&shape, call(caller, from_vals(params)?)?, results)
    })?;
    Ok(())
}

fn supported(name: &str, ty: &Arc<FunctionType>) -> wasmtime::Result<Arc<FunctionType>> {
    match ty.unsupported() {
        Some(feature) => Err(unsupported(&format!("the import `{name}`"), feature)),
        None => Ok(ty.clone()),
    }
}

/// The arguments as core values, and room for the results.
fn prepare(ty: &FunctionType, params: &[Value]) -> wasmtime::Result<(Vec<Val>, Vec<Val>)> {
    check_params(ty, params).map_err(wasmtime::Error::new)?;
    if let Some(feature) = ty.unsupported() {
        return Err(unsupported("the function", feature));
    }
    let types = ty.params.iter().map(|field| &field.ty);
    let params = types
        .zip(params)
        .map(|(ty, value)| to_val(ty, value))
        .collect::<Result<_, _>>()?;
    Ok((params, vec![Val::I32(0); ty.results.len()]))
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
