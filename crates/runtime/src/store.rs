//! One instance with its store: made from a blueprint, called, and dropped as a whole.

use crate::call::{Fuel, Request, Taken};
use crate::compile::Target;
use crate::engine::{Core, EngineOptions, Slot, in_range};
use crate::error::{Error, ErrorCode, Result};
use crate::events::Events;
use crate::failure::{classify, lacks_memory};
use crate::instance::Wanted;
use crate::limits::{Limiter, PAGE_BYTES};
use crate::linking::{self, Hosts};
use crate::module::{Code, Function};
use crate::observed::Observed;
use crate::output::Output;
use crate::reactor::{self, INITIALIZE};
use crate::slots::Needs;
use crate::value::{self, CoreFunc, Limits, Value};
use crate::wasi::{self, Wasi, WasiOptions};
use riptide_wasm_accounting::{Account, Lease};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::{Store, UpdateDeadline};

/// Component handles that a guest may hold at once.
const MAX_HANDLES: usize = 100_000;

/// Bytes that one WASI call of a module may have the host allocate: some 50,000 subscriptions of `poll_oneoff`.
const MODULE_HOSTCALL_FUEL: usize = 4 << 20;

/// What every instance is given, in a pool or not.
#[derive(Clone, Debug)]
pub struct GuestOptions {
    /// Memory at most, in pages of 64 KiB.
    pub max_memory_pages: u32,
    /// Elements of all its tables at most.
    pub max_table_elements: u32,
    /// Fuel of each call, and of the making of an instance; nothing: no limit.
    pub fuel: Option<u64>,
    /// What a result may hold.
    pub limits: Limits,
    /// WASI, where the guest gets it.
    pub wasi: Option<WasiOptions>,
}

impl GuestOptions {
    /// Refuses what the engine was not made for.
    pub(crate) fn check(&self, engine: &EngineOptions) -> Result<()> {
        let most = engine.max_memory_pages;
        in_range("maxMemoryPages", self.max_memory_pages, 1, most)?;
        let most = engine.max_table_elements;
        in_range("maxTableElements", self.max_table_elements, 1, most)?;
        match self.fuel {
            Some(fuel) if !engine.fuel => Err(Error::new(
                ErrorCode::BadOption,
                "fuel is limited only on an engine with `fuel: true`",
            )
            .text("option", "fuel")
            .number("value", fuel as f64)
            .text("allowed", "nothing, on an engine without fuel")),
            _ => Ok(()),
        }
    }

    pub(crate) fn max_bytes(&self) -> u64 {
        u64::from(self.max_memory_pages) * PAGE_BYTES
    }
}

/// What a store knows of its host.
pub(crate) struct State {
    pub(crate) limiter: Limiter,
    pub(crate) wasi: Option<Wasi>,
    /// What a failure of its calls tells.
    pub(crate) observed: Arc<Observed>,
    /// The call that runs, in stores of a pool.
    pub(crate) request: Option<Arc<Request>>,
    /// When the call must end, in stores that are called on the caller's thread.
    pub(crate) deadline: Option<Instant>,
    /// Whether somebody waits for them.
    pub(crate) wanted: Option<Wanted>,
}

/// Everything that instances of one pool have in common, linked once.
pub(crate) struct Blueprint {
    core: Arc<Core>,
    pub(crate) code: Code,
    linked: Linked,
    needs: Needs,
    /// What runs once in each instance, before anybody calls it.
    initializer: Option<wasmtime::ModuleExport>,
    parent: Arc<Account>,
    guest: GuestOptions,
    events: Option<Arc<Events>>,
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
    /// Whether its `_initialize` has run.
    initialized: bool,
    /// What was called last: calls of one function after another look nothing up.
    last: Option<(Arc<Function>, Found)>,
    limits: Limits,
    counts_fuel: bool,
    fuel: Option<u64>,
    _slot: Slot,
    lease: Lease,
}

/// An instance, and the cold start that it completed, if it did.
pub(crate) type Started = (Instance, Option<Duration>);

#[derive(Clone, Copy)]
enum Handle {
    Module(wasmtime::Instance),
    Component(wasmtime::component::Instance),
}

impl Blueprint {
    /// Links `code` with what its host offers.
    ///
    /// # Errors
    /// `ERR_LINK` with every import that nobody provides, `ERR_UNSUPPORTED` for a command that is a reactor.
    pub(crate) fn new(
        code: &Code,
        hosts: Hosts,
        mut guest: GuestOptions,
        parent: Arc<Account>,
        events: Option<Arc<Events>>,
    ) -> Result<Blueprint> {
        // What a guest does not ask for is not made anew with each instance.
        guest.wasi = guest.wasi.filter(|_| wasi::is_imported(code));
        let core = code.engine().core();
        Ok(Blueprint {
            core: core.clone(),
            needs: core.needs(code),
            linked: linking::link(code, hosts, guest.wasi.is_some())?,
            initializer: match code.compiled().module() {
                Some(module) => reactor::initializer(module)?,
                None => None,
            },
            code: code.clone(),
            parent,
            guest,
            events,
        })
    }

    /// Makes an instance on a worker, for `request`; what runs before its first call yields to other guests.
    pub(crate) async fn instantiate(&self, request: Arc<Request>) -> Result<Started> {
        let asked = Instant::now();
        let slot = self.core.take_slot(self.needs)?;
        let (lease, mut store) = self.store()?;
        request.observe(&store.data().observed, 0);
        store.data_mut().request = Some(request);
        store.epoch_deadline_callback(|context| match &context.data().request {
            Some(request) if request.is_over() => Ok(UpdateDeadline::Interrupt),
            Some(request) => {
                request.note_yield();
                Ok(UpdateDeadline::Yield(1))
            }
            None => Ok(UpdateDeadline::Yield(1)),
        });
        let handle = self.begin(&mut store).await;
        self.finish(asked, slot, lease, store, handle)
    }

    /// Makes an instance on the caller's thread.
    pub(crate) fn instantiate_sync(
        &self,
        deadline: Option<Instant>,
        wanted: Option<Wanted>,
    ) -> Result<Started> {
        let asked = Instant::now();
        let slot = self.core.take_slot(self.needs)?;
        let (lease, mut store) = self.store()?;
        store.data_mut().deadline = deadline;
        store.data_mut().wanted = wanted;
        store.epoch_deadline_callback(|context| {
            let State {
                deadline, wanted, ..
            } = context.data();
            let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if late || wanted.as_ref().is_some_and(|wanted| !wanted()) {
                return Ok(UpdateDeadline::Interrupt);
            }
            Ok(UpdateDeadline::Continue(1))
        });
        let handle = self.begin_sync(&mut store);
        self.finish(asked, slot, lease, store, handle)
    }

    async fn begin(&self, store: &mut Store<State>) -> wasmtime::Result<Handle> {
        match &self.linked {
            Linked::Module(linked) => {
                let instance = linked.instantiate_async(&mut *store).await?;
                if let Some(initializer) = &self.initializer {
                    let initialize = reactor::find(&mut *store, instance, initializer)?;
                    initialize.call_async(store, &[], &mut []).await?;
                }
                Ok(Handle::Module(instance))
            }
            Linked::Component(linked) => {
                linked.instantiate_async(store).await.map(Handle::Component)
            }
        }
    }

    fn begin_sync(&self, store: &mut Store<State>) -> wasmtime::Result<Handle> {
        match &self.linked {
            Linked::Module(linked) => {
                let instance = linked.instantiate(&mut *store)?;
                if let Some(initializer) = &self.initializer {
                    let initialize = reactor::find(&mut *store, instance, initializer)?;
                    initialize.call(store, &[], &mut [])?;
                }
                Ok(Handle::Module(instance))
            }
            Linked::Component(linked) => linked.instantiate(store).map(Handle::Component),
        }
    }

    /// The lease first: bindings end in reverse, and the bytes must outlive the memory.
    fn store(&self) -> Result<(Lease, Store<State>)> {
        let lease = Lease::new(self.guest.max_bytes(), self.parent.clone());
        let options = self.guest.wasi.as_ref();
        let output = options.map(|options| Output::new(options.max_output_bytes));
        let wasi = options
            .zip(output.as_ref())
            .map(|(options, output)| match self.linked {
                Linked::Module(_) => Wasi::for_module(options, output),
                Linked::Component(_) => Wasi::for_component(options, output),
            });
        let observed = Arc::new(Observed::new(output));
        let limiter = Limiter::new(
            lease.account().clone(),
            u64::from(self.guest.max_table_elements),
            self.events.clone(),
            observed.clone(),
        );
        let state = State {
            limiter,
            wasi,
            observed,
            request: None,
            deadline: None,
            wanted: None,
        };
        let mut store = Store::new(&self.core.shared.wasmtime, state);
        store.limiter(|state| &mut state.limiter);
        store.set_max_component_handles(MAX_HANDLES);
        if matches!(self.linked, Linked::Module(_)) {
            store.set_hostcall_fuel(MODULE_HOSTCALL_FUEL);
        }
        store.set_epoch_deadline(1);
        if self.core.options.fuel {
            refuel(&mut store, self.guest.fuel)?;
        }
        Ok((lease, store))
    }

    fn finish(
        &self,
        asked: Instant,
        slot: Slot,
        lease: Lease,
        mut store: Store<State>,
        handle: wasmtime::Result<Handle>,
    ) -> Result<Started> {
        match handle {
            Ok(handle) => {
                let start = self.code.note_instance(asked.elapsed());
                Ok((
                    Instance {
                        store,
                        handle,
                        initialized: self.initializer.is_some(),
                        last: None,
                        limits: self.guest.limits,
                        counts_fuel: self.core.options.fuel,
                        fuel: self.guest.fuel,
                        _slot: slot,
                        lease,
                    },
                    start,
                ))
            }
            Err(error) => {
                if lacks_memory(&error) {
                    store.data_mut().limiter.start_failed();
                }
                let failure = classify(&error, &store.data().observed);
                if let Some(request) = &store.data().request {
                    let fuel = || fuel_used(&store, self.guest.fuel);
                    request.note(|| Taken::of(&store.data().observed, lease.account(), 0, fuel()));
                }
                drop(store); // before the lease
                Err(failure)
            }
        }
    }
}

/// Gives a store the fuel of one call. Without a limit it is as much as there can be.
fn refuel(store: &mut Store<State>, fuel: Option<u64>) -> Result<()> {
    store
        .set_fuel(fuel.unwrap_or(u64::MAX))
        .map_err(|error| Error::new(ErrorCode::Internal, format!("no fuel: {error:#}")))
}

/// What was used of the fuel that a store was given.
fn fuel_used(store: &Store<State>, given: Option<u64>) -> Option<Fuel> {
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
        request: &Arc<Request>,
        function: &Arc<Function>,
        params: &[Value],
    ) -> Result<Vec<Value>> {
        let number = self.begin()?;
        request.observe(&self.store.data().observed, number);
        self.store.data_mut().request = Some(request.clone());
        let bytes_before = self.account().held();
        let limits = self.limits;
        let (found, store) = self.find(function)?;
        let called = match found {
            Found::Core(func) => func.call(store, params).await,
            Found::Component(func) => value::call(func, store, params, limits).await,
            Found::Initialize => Ok(Vec::new()),
        };
        self.store.data_mut().request = None;
        request.note(|| {
            let fuel = fuel_used(&self.store, self.fuel);
            Taken::of(self.observed(), self.account(), bytes_before, fuel)
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
            Found::Component(func) => value::call_sync(func, store, &params, limits),
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

    /// Gives the number of the call that begins.
    fn begin(&mut self) -> Result<u64> {
        let number = self.observed().begin_call();
        // The second tick from now: the first may come at once, and a call is long after a whole epoch.
        self.store.set_epoch_deadline(2);
        if self.counts_fuel {
            refuel(&mut self.store, self.fuel)?;
        }
        Ok(number)
    }

    fn find(&mut self, function: &Arc<Function>) -> Result<(&mut Found, &mut Store<State>)> {
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

enum Found {
    Core(CoreFunc),
    Component(wasmtime::component::Func),
    /// Nothing is to be done: it has run when the instance was made, and must not run again.
    Initialize,
}
