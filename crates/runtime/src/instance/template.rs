//! What all instances of a pool have in common: linked once, instantiated often.

use super::context::CallContext;
use super::data::{StoreData, Wanted};
use super::denied_growth::OnDenied;
use super::failure::{classify, lacks_memory};
use super::limiter::Limiter;
use super::linker::{self, Hosts, Linked};
use super::live::{Handle, Instance, fuel_used, refuel};
use super::measurement::Measurement;
use super::observed::Observed;
use super::options::GuestOptions;
use super::output::Output;
use super::reactor;
use super::wasi::{self, Wasi};
use crate::engine::{Core, Needs, Slot};
use crate::error::Result;
use crate::module::Code;
use riptide_wasm_accounting::{Account, Lease};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::{Store, UpdateDeadline};

/// Component handles that a guest may hold at once.
const MAX_HANDLES: usize = 100_000;

/// Bytes that one WASI call of a module may have the host allocate: some 50,000 subscriptions of `poll_oneoff`.
const MODULE_HOSTCALL_FUEL: usize = 4 << 20;

/// Everything that instances of one pool have in common, linked once.
pub(crate) struct InstanceTemplate {
    core: Arc<Core>,
    pub(crate) code: Code,
    linked: Linked,
    needs: Needs,
    /// A reactor's `_initialize`, which runs once in each instance before its first call.
    initializer: Option<wasmtime::ModuleExport>,
    parent: Arc<Account>,
    guest: GuestOptions,
    on_denied: Option<OnDenied>,
}

/// An instance, and the cold start that it completed, if it did.
pub(crate) type Started = (Instance, Option<Duration>);

impl InstanceTemplate {
    /// Links `code` with the host's functions and WASI.
    ///
    /// # Errors
    /// `ERR_LINK` with every missing import, `ERR_UNSUPPORTED` for a module that is a command and a reactor.
    pub(crate) fn new(
        code: &Code,
        hosts: Hosts,
        mut guest: GuestOptions,
        parent: Arc<Account>,
        on_denied: Option<OnDenied>,
    ) -> Result<InstanceTemplate> {
        // If the guest imports no WASI, no WASI state is made for each instance.
        guest.wasi = guest.wasi.filter(|_| wasi::is_imported(code));
        let core = code.engine().core();
        Ok(InstanceTemplate {
            core: core.clone(),
            needs: core.needs(code.compiled()),
            linked: linker::link(code, hosts, guest.wasi.is_some())?,
            initializer: match code.compiled().module() {
                Some(module) => reactor::initializer(module)?,
                None => None,
            },
            code: code.clone(),
            parent,
            guest,
            on_denied,
        })
    }

    /// Makes an instance on a worker, for `call`. Its start function and `_initialize` yield to other guests.
    pub(crate) async fn instantiate(&self, call: Arc<dyn CallContext>) -> Result<Started> {
        let asked = Instant::now();
        let slot = self.core.take_slot(self.needs)?;
        let (lease, mut store) = self.store()?;
        call.observe(&store.data().observed, 0);
        store.data_mut().call = Some(call);
        store.epoch_deadline_callback(|store| match &store.data().call {
            Some(call) if call.is_over() => Ok(UpdateDeadline::Interrupt),
            Some(call) => {
                call.note_yield();
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
            let StoreData {
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

    async fn begin(&self, store: &mut Store<StoreData>) -> wasmtime::Result<Handle> {
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

    fn begin_sync(&self, store: &mut Store<StoreData>) -> wasmtime::Result<Handle> {
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

    /// Returns the lease first: bindings are dropped in reverse order, and the lease must outlive the memory.
    fn store(&self) -> Result<(Lease, Store<StoreData>)> {
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
            self.on_denied.clone(),
            observed.clone(),
        );
        let data = StoreData {
            limiter,
            wasi,
            observed,
            call: None,
            deadline: None,
            wanted: None,
        };
        let mut store = Store::new(&self.core.shared.wasmtime, data);
        store.limiter(|data| &mut data.limiter);
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
        mut store: Store<StoreData>,
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
                if let Some(call) = &store.data().call {
                    let fuel = || fuel_used(&store, self.guest.fuel);
                    let observed = &store.data().observed;
                    call.note(&|| Measurement::of(observed, lease.account(), 0, fuel()));
                }
                drop(store); // before the lease
                Err(failure)
            }
        }
    }
}
