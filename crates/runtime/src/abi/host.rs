//! Host functions as a component's imports, with the lowering and lifting of its exports.
//!
//! Wasmtime checks that a host function's static size is that of the import's core values, so there is one pair of
//! types per count, chosen from the import's type when it is defined: [`Arguments<N>`] for up to 16 core values and
//! [`Returned<N>`] for none or one. Longer lists lie in memory, and take `N` = 0.

use super::check::check_results;
use super::component::{
    MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, check_count, lift_flat_tuple, lift_tuple_at,
    lower_flat_tuple, tuple_of,
};
use super::lower::{lower_fields, not_flat};
use super::stop::Stop;
use crate::error::{Error, ErrorCode};
use crate::value::{FunctionType, Value};
use std::future::Future;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use wasmtime::component::__internal::wasmtime_environ::component::TypeTuple;
use wasmtime::component::__internal::{
    CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext, LowerContext,
};
use wasmtime::component::{ComponentNamedList, ComponentType, Lift, LinkerInstance, Lower};
use wasmtime::{StoreContextMut, ValRaw};

type AsyncCall<T> = dyn Fn(StoreContextMut<'_, T>, Vec<Value>) -> HostFuture + Send + Sync;
type SyncCall<T> =
    dyn Fn(StoreContextMut<'_, T>, Vec<Value>) -> wasmtime::Result<Vec<Value>> + Send + Sync;

/// Calls `$wrap` with the counts of `$ty` as its constant parameters.
macro_rules! dispatch {
    ($wrap:ident($linker:expr, $name:expr, $ty:expr, $call:expr)) => {{
        let ty: &Arc<FunctionType> = $ty;
        if let Some(name) = ty.unsupported() {
            return Err(unsupported($name, name));
        }
        let [params, results] = ty.flat();
        // Longer lists lie in memory instead.
        let params = if params > MAX_FLAT_PARAMS { 0 } else { params };
        let results = if results > MAX_FLAT_RESULTS { 0 } else { results };
        dispatch!(@match $wrap ($linker, $name, ty, $call) params results
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    }};
    (@match $wrap:ident $args:tt $params:ident $results:ident $($n:literal)*) => {
        match ($params, $results) {
            $(
                ($n, 0) => dispatch!(@call $wrap, $n, 0, $args),
                ($n, _) => dispatch!(@call $wrap, $n, 1, $args),
            )*
            _ => Err(not_flat()),
        }
    };
    (@call $wrap:ident, $n:literal, $m:literal, ($linker:expr, $name:expr, $ty:expr, $call:expr)) => {
        $wrap::<T, $n, $m>($linker, $name, $ty, $call)
    };
}

/// What an async host function returns.
pub type HostFuture = Pin<Box<dyn Future<Output = wasmtime::Result<Vec<Value>>> + Send>>;

/// Defines an async host function under `name`. `ty` must be the import's own type: another one fails when
/// the component is linked or, where both take the same core values, when a value is lowered.
///
/// An error of `call` traps the guest and arrives at the caller as it is. The values that `call` returns are checked
/// against `ty`.
pub fn define_host<T: Send + 'static>(
    linker: &mut LinkerInstance<'_, T>,
    name: &str,
    ty: &Arc<FunctionType>,
    call: impl Fn(StoreContextMut<'_, T>, Vec<Value>) -> HostFuture + Send + Sync + 'static,
) -> wasmtime::Result<()> {
    // One closure for all counts, so that they share its code.
    let call: Arc<AsyncCall<T>> = Arc::new(call);
    dispatch!(wrap_async(linker, name, ty, &call))
}

/// Defines a host function that runs on the caller's stack. Otherwise as [`define_host`].
pub fn define_host_sync<T: 'static>(
    linker: &mut LinkerInstance<'_, T>,
    name: &str,
    ty: &Arc<FunctionType>,
    call: impl Fn(StoreContextMut<'_, T>, Vec<Value>) -> wasmtime::Result<Vec<Value>>
    + Send
    + Sync
    + 'static,
) -> wasmtime::Result<()> {
    let call: Arc<SyncCall<T>> = Arc::new(call);
    dispatch!(wrap_sync(linker, name, ty, &call))
}

fn wrap_async<T: Send + 'static, const N: usize, const M: usize>(
    linker: &mut LinkerInstance<'_, T>,
    name: &str,
    ty: &Arc<FunctionType>,
    call: &Arc<AsyncCall<T>>,
) -> wasmtime::Result<()> {
    let (ty, call) = (ty.clone(), call.clone());
    linker.func_wrap_async(name, move |store, Arguments::<N>(values)| {
        let (ty, future) = (ty.clone(), call(store, values));
        Box::new(async move { returned::<M>(&ty, future.await?) })
    })
}

fn wrap_sync<T: 'static, const N: usize, const M: usize>(
    linker: &mut LinkerInstance<'_, T>,
    name: &str,
    ty: &Arc<FunctionType>,
    call: &Arc<SyncCall<T>>,
) -> wasmtime::Result<()> {
    let (ty, call) = (ty.clone(), call.clone());
    linker.func_wrap(name, move |store, Arguments::<N>(values)| {
        returned::<M>(&ty, call(store, values)?)
    })
}

fn returned<const M: usize>(
    ty: &FunctionType,
    values: Vec<Value>,
) -> wasmtime::Result<Returned<M>> {
    check_results(ty, &values).map_err(wasmtime::Error::new)?;
    Ok(Returned(values))
}

#[cold]
fn unsupported(function: &str, feature: &str) -> wasmtime::Error {
    let message = format!("the import `{function}` has the type {feature}, which cannot cross yet");
    wasmtime::Error::new(Error::new(ErrorCode::Unsupported, message).text("feature", feature))
}

/// Checks that the list `ty` takes `slots` core values, or lies in memory and `slots` is 0.
fn typecheck(
    ty: &InterfaceType,
    types: &InstanceType<'_>,
    max: usize,
    slots: usize,
) -> wasmtime::Result<()> {
    let tuple: &TypeTuple = tuple_of(types.types, *ty)?;
    if tuple.abi.flat_count(max).unwrap_or(0) == slots {
        return Ok(());
    }
    Err(wasmtime::Error::msg(
        "the import has another type than the host function",
    ))
}

/// The arguments of a host call that takes `N` core values, or any number in memory when `N` is 0.
struct Arguments<const N: usize>(Vec<Value>);

// SAFETY: `Lower` is an array of `ValRaw`; `typecheck` lets it stand only for parameters of exactly that many
// core values, or for parameters in memory, where it is not used. Lifting follows the import's own type.
unsafe impl<const N: usize> ComponentType for Arguments<N> {
    type Lower = [ValRaw; N];
    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::ZERO;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        typecheck(ty, types, MAX_FLAT_PARAMS, N)
    }
}

// SAFETY: lifting follows the import's own type and checks everything that it reads.
unsafe impl<const N: usize> Lift for Arguments<N> {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        source: &Self::Lower,
    ) -> wasmtime::Result<Self> {
        let tuple = tuple_of(cx.types, ty)?;
        lift_flat_tuple(cx, tuple, source)
            .map(Arguments)
            .map_err(Stop::into_error)
    }

    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> wasmtime::Result<Self> {
        let tuple = tuple_of(cx.types, ty)?;
        // `ABI` has size zero, so `bytes` is empty: only its address matters. Wasmtime found the whole parameter list
        // in bounds and aligned there; the bounds are checked again.
        let pointer = bytes
            .as_ptr()
            .addr()
            .checked_sub(cx.memory().as_ptr().addr())
            .ok_or_else(not_flat)?;
        lift_tuple_at(cx, tuple, pointer)
            .map(Arguments)
            .map_err(Stop::into_error)
    }
}

// SAFETY: a list of parameters, lifted by its own type, as `ComponentType` above says.
unsafe impl<const N: usize> ComponentNamedList for Arguments<N> {}

/// The results of a host call: `N` core values, or any number in memory when `N` is 0.
struct Returned<const N: usize>(Vec<Value>);

// SAFETY: as for `Arguments`, with the results.
unsafe impl<const N: usize> ComponentType for Returned<N> {
    type Lower = [ValRaw; N];
    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::ZERO;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        typecheck(ty, types, MAX_FLAT_RESULTS, N)
    }
}

// SAFETY: every slot is written before `Ok`, memory only through bounds-checked slices, and each value is
// checked against the import's own type first.
unsafe impl<const N: usize> Lower for Returned<N> {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        target: &mut MaybeUninit<Self::Lower>,
    ) -> wasmtime::Result<()> {
        let mut slots = [ValRaw::u64(0); N];
        let tuple = tuple_of(cx.types, ty)?;
        lower_flat_tuple(cx, tuple, &self.0, &mut slots)?;
        target.write(slots);
        Ok(())
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
    ) -> wasmtime::Result<()> {
        let tuple = tuple_of(cx.types, ty)?;
        check_count(tuple, &self.0)?;
        lower_fields(cx, &tuple.types, &self.0, offset)
    }
}

// SAFETY: a list of results, lowered by its own type, as `ComponentType` above says.
unsafe impl<const N: usize> ComponentNamedList for Returned<N> {}
