//! One instance with its store: made from a blueprint, called, and dropped as a whole.

use crate::call::Request;
use crate::compile::Compiled;
use crate::engine::Core;
use crate::error::{Error, ErrorCode, Result};
use crate::failure::classify;
use crate::limits::Limiter;
use crate::linking::{self, Hosts};
use crate::module::{Code, Function, Target};
use crate::value::{self, Limits, Value};
use crate::wasi::{Wasi, WasiOptions};
use riptide_wasm_accounting::{Account, Lease};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use wasmtime::{Store, UpdateDeadline};

/// What a store knows of its host.
pub(crate) struct State {
    pub(crate) limiter: Limiter,
    pub(crate) wasi: Wasi,
    /// The call that runs, in stores of a pool.
    pub(crate) request: Option<Arc<Request>>,
    /// When the call must end, in stores that are called on the caller's thread.
    pub(crate) deadline: Option<Instant>,
}

/// Everything that instances of one pool have in common, linked once.
pub(crate) struct Blueprint {
    core: Arc<Core>,
    code: Code,
    linked: Linked,
    parent: Arc<Account>,
    max_bytes: u64,
    limits: Limits,
    wasi: Option<WasiOptions>,
}

pub(crate) enum Linked {
    Module(wasmtime::InstancePre<State>),
    Component(wasmtime::component::InstancePre<State>),
}

/// A live instance.
///
/// The order of the fields is the order they end in: the bytes are given back when the memory is gone.
pub(crate) struct Instance {
    store: Store<State>,
    handle: Handle,
    limits: Limits,
    _alive: Alive,
    lease: Lease,
}

/// An instance, and the cold start in milliseconds that it completed, if it did.
pub(crate) type Started = (Instance, Option<f64>);

#[derive(Clone, Copy)]
enum Handle {
    Module(wasmtime::Instance),
    Component(wasmtime::component::Instance),
}

struct Alive(Arc<Core>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.instances.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Blueprint {
    /// Links `code` with what its host offers.
    ///
    /// # Errors
    /// `ERR_LINK` with every import that nobody provides.
    pub(crate) fn new(
        code: &Code,
        hosts: Hosts,
        wasi: Option<WasiOptions>,
        parent: Arc<Account>,
        max_bytes: u64,
        limits: Limits,
    ) -> Result<Blueprint> {
        Ok(Blueprint {
            core: code.engine().core().clone(),
            linked: linking::link(code, hosts, wasi.is_some())?,
            code: code.clone(),
            parent,
            max_bytes,
            limits,
            wasi,
        })
    }

    /// Makes an instance on a worker, for `request`; its start function yields to other guests.
    pub(crate) async fn instantiate(&self, request: Arc<Request>) -> Result<Started> {
        let asked = Instant::now();
        let (lease, mut store) = self.store();
        store.data_mut().request = Some(request);
        store.epoch_deadline_callback(|context| match &context.data().request {
            Some(request) if request.is_over() => Ok(UpdateDeadline::Interrupt),
            Some(request) => {
                request.note_yield();
                Ok(UpdateDeadline::Yield(1))
            }
            None => Ok(UpdateDeadline::Yield(1)),
        });
        let handle = match &self.linked {
            Linked::Module(linked) => linked
                .instantiate_async(&mut store)
                .await
                .map(Handle::Module),
            Linked::Component(linked) => linked
                .instantiate_async(&mut store)
                .await
                .map(Handle::Component),
        };
        self.finish(asked, lease, store, handle)
    }

    /// Makes an instance on the caller's thread.
    pub(crate) fn instantiate_sync(&self, deadline: Option<Instant>) -> Result<Started> {
        let asked = Instant::now();
        let (lease, mut store) = self.store();
        store.data_mut().deadline = deadline;
        store.epoch_deadline_callback(|context| match context.data().deadline {
            Some(deadline) if Instant::now() >= deadline => Ok(UpdateDeadline::Interrupt),
            _ => Ok(UpdateDeadline::Continue(1)),
        });
        let handle = match &self.linked {
            Linked::Module(linked) => linked.instantiate(&mut store).map(Handle::Module),
            Linked::Component(linked) => linked.instantiate(&mut store).map(Handle::Component),
        };
        self.finish(asked, lease, store, handle)
    }

    /// The lease first: bindings end in reverse, and the bytes must outlive the memory.
    fn store(&self) -> (Lease, Store<State>) {
        let lease = Lease::new(self.max_bytes, self.parent.clone());
        let state = State {
            limiter: Limiter::new(lease.account().clone()),
            wasi: match self.linked {
                Linked::Module(_) => Wasi::for_module(self.wasi.as_ref()),
                Linked::Component(_) => Wasi::for_component(self.wasi.as_ref()),
            },
            request: None,
            deadline: None,
        };
        let mut store = Store::new(&self.core.wasmtime, state);
        store.limiter(|state| &mut state.limiter);
        store.set_epoch_deadline(1);
        (lease, store)
    }

    fn finish(
        &self,
        asked: Instant,
        lease: Lease,
        store: Store<State>,
        handle: wasmtime::Result<Handle>,
    ) -> Result<Started> {
        match handle {
            Ok(handle) => {
                self.core.instances.fetch_add(1, Ordering::Relaxed);
                let start = self.code.note_instance(asked.elapsed().as_secs_f64() * 1e3);
                let alive = Alive(self.core.clone());
                Ok((
                    Instance {
                        store,
                        handle,
                        limits: self.limits,
                        _alive: alive,
                        lease,
                    },
                    start,
                ))
            }
            Err(error) => {
                let failure = classify(&error, store.data().limiter.denied());
                drop(store); // before the lease
                Err(failure)
            }
        }
    }
}

impl Instance {
    /// Calls a function on a worker.
    pub(crate) async fn call(
        &mut self,
        request: &Arc<Request>,
        function: &Function,
        params: &[Value],
    ) -> Result<Vec<Value>> {
        self.store.data_mut().request = Some(request.clone());
        self.begin();
        let called = match self.find(function)? {
            Found::Core(func) => {
                value::call_core(&func, &mut self.store, &function.ty, params).await
            }
            Found::Component(func) => {
                value::call(&func, &mut self.store, &function.ty, params, self.limits).await
            }
        };
        self.store.data_mut().request = None;
        called.map_err(|error| self.classify(&error))
    }

    /// Calls a function on the caller's thread.
    pub(crate) fn call_sync(
        &mut self,
        function: &Function,
        params: &[Value],
        deadline: Option<Instant>,
    ) -> Result<Vec<Value>> {
        self.store.data_mut().deadline = deadline;
        self.begin();
        let called = match self.find(function)? {
            Found::Core(func) => {
                value::call_core_sync(&func, &mut self.store, &function.ty, params)
            }
            Found::Component(func) => {
                value::call_sync(&func, &mut self.store, &function.ty, params, self.limits)
            }
        };
        called.map_err(|error| self.classify(&error))
    }

    pub(crate) fn account(&self) -> &Arc<Account> {
        self.lease.account()
    }

    fn begin(&mut self) {
        self.store.data_mut().limiter.begin_call();
        self.store.set_epoch_deadline(1);
    }

    fn classify(&self, error: &wasmtime::Error) -> Error {
        classify(error, self.store.data().limiter.denied())
    }

    fn find(&mut self, function: &Function) -> Result<Found> {
        let found = match (self.handle, &function.target) {
            (Handle::Module(instance), Target::Core(index)) => instance
                .get_module_export(&mut self.store, index)
                .and_then(wasmtime::Extern::into_func)
                .map(Found::Core),
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

enum Found {
    Core(wasmtime::Func),
    Component(wasmtime::component::Func),
}

impl Compiled {
    pub(crate) fn is_module(&self) -> bool {
        matches!(self, Compiled::Module(_))
    }
}
