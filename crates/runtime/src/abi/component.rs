//! Calls of a component's exports: the bridge between Wasmtime's typed calls and dynamic values.
//!
//! Wasmtime's typed calls go through [`ComponentType`], [`Lower`] and [`Lift`], which are made for types known
//! at compile time. [`Params`] and [`Output`] implement them for any signature: their type check always
//! passes, and lowering and lifting follow the [`InterfaceType`] that Wasmtime hands them. All of it uses
//! doc-hidden interfaces, hence the pinned Wasmtime version.

use super::lift::{lift_fields, lift_flat};
use super::limits::{Budget, Limits};
use super::lower::{lower_fields, lower_flat, mismatch, not_flat};
use super::stop::Stop;
use crate::value::Value;
use std::future::Future;
use std::mem::MaybeUninit;
use std::pin::pin;
use std::task::Poll;
use wasmtime::component::__internal::wasmtime_environ::component::TypeTuple;
use wasmtime::component::__internal::{
    CanonicalAbiInfo, ComponentTypes, InstanceType, InterfaceType, LiftContext, LowerContext,
};
use wasmtime::component::{ComponentNamedList, ComponentType, Func, Lift, Lower};
use wasmtime::{Store, ValRaw};

/// How many core values parameters may take before they move to memory.
pub(super) const MAX_FLAT_PARAMS: usize = 16;
/// How many core values results may take before they move to memory.
pub(super) const MAX_FLAT_RESULTS: usize = 1;

/// Calls an export.
///
/// The arguments are those that [`check_params`](super::check_params) found good, before anything was done with the
/// store. Lowering checks them by itself, and a value that it refuses is an [`Error`](crate::error::Error) with
/// `BadArgument` too, but by then the guest may have allocated memory for a part of them. `ResultTooLarge` comes after
/// the guest's post-return has run, so the instance stays usable. After any other error the store must not be entered
/// again.
pub async fn call<T: Send + 'static>(
    func: &Func,
    store: &mut Store<T>,
    params: &[Value],
    limits: Limits,
) -> wasmtime::Result<Vec<Value>> {
    store.set_hostcall_fuel(limits.hostcall_fuel());
    let func = func.typed::<Params<'_>, Output>(&*store)?;
    let mut call = pin!(func.call_async(store, Params(params)));
    // The limits hold while this call runs on this thread, not while it is suspended.
    let output = std::future::poll_fn(|cx| -> Poll<_> { limits.scope(|| call.as_mut().poll(cx)) });
    output.await?.into_values()
}

/// Calls an export on the caller's thread and stack. Otherwise as [`call`].
pub fn call_sync<T: 'static>(
    func: &Func,
    store: &mut Store<T>,
    params: &[Value],
    limits: Limits,
) -> wasmtime::Result<Vec<Value>> {
    store.set_hostcall_fuel(limits.hostcall_fuel());
    let func = func.typed::<Params<'_>, Output>(&*store)?;
    limits
        .scope(|| func.call(store, Params(params)))?
        .into_values()
}

/// The arguments of a call, whatever their types.
struct Params<'a>(&'a [Value]);

// SAFETY: `Lower` is an array of `ValRaw`, and lowering writes all of it. `typecheck` accepts every function,
// which is sound because `Lower` has as many slots as any parameter list can flatten to, and because
// `lower::shape` checks each value against the function's own type before it is written. Wasmtime uses `ABI`
// only for parameter lists that do not fit `Lower`; there are none.
unsafe impl ComponentType for Params<'_> {
    type Lower = [ValRaw; MAX_FLAT_PARAMS];
    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::ZERO;

    fn typecheck(_: &InterfaceType, _: &InstanceType<'_>) -> wasmtime::Result<()> {
        Ok(())
    }
}

// SAFETY: as for `ComponentType`: every slot is written before `Ok`, memory only through bounds-checked slices.
unsafe impl Lower for Params<'_> {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        target: &mut MaybeUninit<Self::Lower>,
    ) -> wasmtime::Result<()> {
        let mut slots = [ValRaw::u64(0); MAX_FLAT_PARAMS];
        let tuple = tuple_of(cx.types, ty)?;
        if tuple.abi.flat_count(MAX_FLAT_PARAMS).is_some() {
            lower_flat_tuple(cx, tuple, self.0, &mut slots)?;
        } else {
            check_count(tuple, self.0)?;
            let pointer = cx.realloc(0, 0, tuple.abi.align32, tuple.abi.size32 as usize)?;
            lower_fields(cx, &tuple.types, self.0, pointer)?;
            slots[0] = ValRaw::u64(pointer as u64);
        }
        target.write(slots);
        Ok(())
    }

    fn linear_lower_to_memory<T>(
        &self,
        _: &mut LowerContext<'_, T>,
        _: InterfaceType,
        _: usize,
    ) -> wasmtime::Result<()> {
        Err(not_flat())
    }
}

// SAFETY: a list of parameters, lowered by its own type, as `ComponentType` above says.
unsafe impl ComponentNamedList for Params<'_> {}

/// The results of a call. A refusal is a value here, so that the guest's post-return still runs.
struct Output(Result<Vec<Value>, Box<crate::error::Error>>);

impl Output {
    fn into_values(self) -> wasmtime::Result<Vec<Value>> {
        self.0.map_err(|error| wasmtime::Error::new(*error))
    }
}

// SAFETY: `Lower` is an array of `ValRaw` with as many slots as a result can have: the value, or the pointer
// to it. Lifting reads that slot only where the function's type says that it is there.
unsafe impl ComponentType for Output {
    type Lower = [ValRaw; MAX_FLAT_RESULTS];
    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::ZERO;

    fn typecheck(_: &InterfaceType, _: &InstanceType<'_>) -> wasmtime::Result<()> {
        Ok(())
    }
}

// SAFETY: lifting follows the function's own type and checks everything that it reads.
unsafe impl Lift for Output {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        source: &Self::Lower,
    ) -> wasmtime::Result<Self> {
        let types = cx.types;
        let tuple = tuple_of(types, ty)?;
        let lifted = if tuple.abi.flat_count(MAX_FLAT_RESULTS).is_some() {
            lift_flat_tuple(cx, tuple, source)
        } else {
            let pointer = source[0].get_u32();
            if !pointer.is_multiple_of(tuple.abi.align32) {
                return Err(wasmtime::Error::msg("return pointer not aligned"));
            }
            lift_tuple_at(cx, tuple, pointer as usize)
        };
        match lifted {
            Ok(values) => Ok(Output(Ok(values))),
            Err(Stop::Refused(error)) => Ok(Output(Err(error))),
            Err(Stop::Guest(error)) => Err(error),
        }
    }

    fn linear_lift_from_memory(
        _: &mut LiftContext<'_>,
        _: InterfaceType,
        _: &[u8],
    ) -> wasmtime::Result<Self> {
        Err(not_flat())
    }
}

// SAFETY: a list of results, lifted by its own type, as `ComponentType` above says.
unsafe impl ComponentNamedList for Output {}

/// The parameter or result list that Wasmtime names by `ty`.
pub(super) fn tuple_of(types: &ComponentTypes, ty: InterfaceType) -> wasmtime::Result<&TypeTuple> {
    match ty {
        InterfaceType::Tuple(index) => Ok(&types[index]),
        _ => Err(not_flat()),
    }
}

pub(super) fn check_count(tuple: &TypeTuple, values: &[Value]) -> wasmtime::Result<()> {
    if tuple.types.len() == values.len() {
        return Ok(());
    }
    Err(mismatch(
        &format!("{} values", tuple.types.len()),
        &values.len().to_string(),
    ))
}

/// Lowers a list of values that fits core values.
pub(super) fn lower_flat_tuple<T>(
    cx: &mut LowerContext<'_, T>,
    tuple: &TypeTuple,
    values: &[Value],
    slots: &mut [ValRaw],
) -> wasmtime::Result<()> {
    check_count(tuple, values)?;
    let mut slots = slots.iter_mut();
    for (ty, value) in tuple.types.iter().zip(values) {
        lower_flat(cx, *ty, value, &mut slots)?;
    }
    Ok(())
}

/// Lifts a list of values that fits core values.
pub(super) fn lift_flat_tuple(
    cx: &mut LiftContext<'_>,
    tuple: &TypeTuple,
    slots: &[ValRaw],
) -> Result<Vec<Value>, Stop> {
    let mut budget = Budget::current();
    budget.take_values(tuple.types.len())?;
    let mut slots = slots.iter();
    tuple
        .types
        .iter()
        .map(|ty| lift_flat(cx, &mut budget, *ty, &mut slots))
        .collect()
}

/// Lifts a list of values that lies in guest memory.
pub(super) fn lift_tuple_at(
    cx: &mut LiftContext<'_>,
    tuple: &TypeTuple,
    pointer: usize,
) -> Result<Vec<Value>, Stop> {
    let bytes = cx
        .memory()
        .get(pointer..)
        .and_then(|rest| rest.get(..tuple.abi.size32 as usize))
        .ok_or_else(|| wasmtime::Error::msg("pointer out of bounds of memory"))?;
    lift_fields(
        cx,
        &mut Budget::current(),
        tuple.types.iter().copied(),
        bytes,
    )
}
