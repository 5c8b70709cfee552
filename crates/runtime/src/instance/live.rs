//! A live instance: called, and dropped as a whole.

use super::context::CallContext;
use super::data::StoreData;
use super::failure::classify;
use super::measurement::{Fuel, Measurement};
use super::observed::Observed;
use super::reactor::INITIALIZE;
use crate::abi::{self, CoreFunc, Limits};
use crate::compile::{Function, Target};
use crate::engine::Slot;
use crate::error::{Error, ErrorCode, Result};
use crate::value::Value;
use riptide_wasm_accounting::{Account, Lease};
use std::sync::Arc;
use std::time::Instant;
use wasmtime::Store;

/// A live instance.
///
/// The fields are dropped in this order: `lease` gives the bytes back after the memory is gone.
pub(crate) struct Instance {
    pub(super) store: Store<StoreData>,
    pub(super) handle: Handle,
    /// Whether its `_initialize` has run.
    pub(super) initialized: bool,
    /// The function called last, so that repeated calls of it need no lookup.
    pub(super) last: Option<(Arc<Function>, Found)>,
    pub(super) limits: Limits,
    pub(super) counts_fuel: bool,
    pub(super) fuel: Option<u64>,
    pub(super) _slot: Slot,
    pub(super) lease: Lease,
}

#[derive(Clone, Copy)]
pub(super) enum Handle {
    Module(wasmtime::Instance),
    Component(wasmtime::component::Instance),
}

/// Gives a store the fuel of one call; `u64::MAX` without a limit.
pub(super) fn refuel(store: &mut Store<StoreData>, fuel: Option<u64>) -> Result<()> {
    store
        .set_fuel(fuel.unwrap_or(u64::MAX))
        .map_err(|error| Error::new(ErrorCode::Internal, format!("no fuel: {error:#}")))
}

/// How much a store has used of the fuel it was given.
pub(super) fn fuel_used(store: &Store<StoreData>, given: Option<u64>) -> Option<Fuel> {
    let left = store.get_fuel().ok()?;
    Some(Fuel {
        consumed: given.unwrap_or(u64::MAX) - left,
        remaining: given.map(|_| left),
    })
}

impl Instance {
    /// Calls a function on a worker.
    pub(crate) async fn call(
        &mut self,
        context: &Arc<dyn CallContext>,
        function: &Arc<Function>,
        params: &[Value],
    ) -> Result<Vec<Value>> {
        let number = self.begin()?;
        context.observe(&self.store.data().observed, number);
        self.store.data_mut().call = Some(context.clone());
        let bytes_before = self.account().held();
        let limits = self.limits;
        let (found, store) = self.find(function)?;
        let called = match found {
            Found::Core(func) => func.call(store, params).await,
            Found::Component(func) => abi::call(func, store, params, limits).await,
            Found::Initialize => Ok(Vec::new()),
        };
        self.store.data_mut().call = None;
        context.note(&|| {
            let fuel = fuel_used(&self.store, self.fuel);
            Measurement::of(self.observed(), self.account(), bytes_before, fuel)
        });
        called.map_err(|error| classify(&error, self.observed()))
    }

    /// Calls a function on the caller's thread.
    pub(crate) fn call_sync(
        &mut self,
        function: &Arc<Function>,
        params: Vec<Value>,
        deadline: Option<Instant>,
    ) -> Result<Vec<Value>> {
        self.store.data_mut().deadline = deadline;
        self.begin()?;
        let limits = self.limits;
        let (found, store) = self.find(function)?;
        let called = match found {
            Found::Core(func) => func.call_sync(store, params),
            Found::Component(func) => abi::call_sync(func, store, &params, limits),
            Found::Initialize => Ok(Vec::new()),
        };
        called.map_err(|error| classify(&error, self.observed()))
    }

    pub(crate) fn account(&self) -> &Arc<Account> {
        self.lease.account()
    }

    fn observed(&self) -> &Observed {
        &self.store.data().observed
    }

    /// Begins a call, and returns its number.
    fn begin(&mut self) -> Result<u64> {
        let number = self.observed().begin_call();
        // The second tick from now: the first may come at once, and only a call of a whole epoch is long.
        self.store.set_epoch_deadline(2);
        if self.counts_fuel {
            refuel(&mut self.store, self.fuel)?;
        }
        Ok(number)
    }

    fn find(&mut self, function: &Arc<Function>) -> Result<(&mut Found, &mut Store<StoreData>)> {
        let last = match self.last.take() {
            Some(last) if Arc::ptr_eq(&last.0, function) => last,
            _ => (function.clone(), self.look_up(function)?),
        };
        Ok((&mut self.last.insert(last).1, &mut self.store))
    }

    fn look_up(&mut self, function: &Function) -> Result<Found> {
        if self.initialized && function.name == INITIALIZE {
            return Ok(Found::Initialize);
        }
        let found = match (self.handle, &function.target) {
            (Handle::Module(instance), Target::Core(index)) => instance
                .get_module_export(&mut self.store, index)
                .and_then(wasmtime::Extern::into_func)
                .map(|func| Found::Core(CoreFunc::new(func, function.ty.clone()))),
            (Handle::Component(instance), Target::Component(index)) => instance
                .get_func(&mut self.store, index)
                .map(Found::Component),
            _ => None,
        };
        found.ok_or_else(|| {
            let message = format!("this instance does not export {:?}", function.name);
            Error::new(ErrorCode::MissingExport, message)
                .text("name", &function.name)
                .list("exports", Vec::new())
        })
    }
}

pub(super) enum Found {
    Core(CoreFunc),
    Component(wasmtime::component::Func),
    /// `_initialize`, which ran when the instance was made and must not run again: calling it does nothing.
    Initialize,
}
