//! Links a guest's imports to the host's functions and, if asked for, to WASI.

use super::data::StoreData;
use super::host::{HostCall, HostFunction, SyncHostCall};
use super::missing;
use super::wasi_linker;
use crate::abi::{self, HostFuture};
use crate::compile::Form;
use crate::error::{Error, Result};
use crate::module::Code;
use crate::value::{FunctionType, Value};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// The host's functions by name, for stores called on workers or on the caller's thread.
pub(crate) enum Hosts {
    Async(HashMap<String, HostCall>),
    Sync(HashMap<String, SyncHostCall>),
}

impl Hosts {
    pub(crate) fn of_async(functions: Vec<HostFunction>) -> Hosts {
        let named = functions
            .into_iter()
            .map(|function| (function.name, function.call));
        Hosts::Async(named.collect())
    }

    pub(crate) fn of_sync(functions: Vec<(String, SyncHostCall)>) -> Hosts {
        Hosts::Sync(functions.into_iter().collect())
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Hosts::Async(functions) => functions.contains_key(name),
            Hosts::Sync(functions) => functions.contains_key(name),
        }
    }

    fn find(&self, name: &str) -> Option<Host> {
        match self {
            Hosts::Async(functions) => functions.get(name).cloned().map(Host::Async),
            Hosts::Sync(functions) => functions.get(name).cloned().map(Host::Sync),
        }
    }

    fn is_sync(&self) -> bool {
        matches!(self, Hosts::Sync(_))
    }
}

enum Host {
    Async(HostCall),
    Sync(SyncHostCall),
}

/// Code with its imports, ready to be instantiated.
pub(crate) enum Linked {
    Module(wasmtime::InstancePre<StoreData>),
    Component(wasmtime::component::InstancePre<StoreData>),
}

/// Links, once for all instances of a pool.
///
/// # Errors
/// `ERR_LINK` with every missing import and its type, or with the import that does not fit.
pub(crate) fn link(code: &Code, hosts: Hosts, wasi: bool) -> Result<Linked> {
    let linked = match &code.compiled().form {
        Form::Module(module) => link_module(code, module, &hosts, wasi).map(Linked::Module),
        Form::Component(component) => {
            link_component(code, component, &hosts, wasi).map(Linked::Component)
        }
    };
    linked.map_err(|error| match error.downcast::<Error>() {
        Ok(own) => own,
        Err(error) => missing::failure(code, |name| hosts.has(name), wasi, &error),
    })
}

fn link_module(
    code: &Code,
    module: &wasmtime::Module,
    hosts: &Hosts,
    wasi: bool,
) -> wasmtime::Result<wasmtime::InstancePre<StoreData>> {
    let mut linker = wasmtime::Linker::<StoreData>::new(module.engine());
    if wasi {
        wasi_linker::offer_modules(&mut linker, hosts.is_sync())?;
    }
    linker.allow_shadowing(true); // a caller's function stands in for WASI's
    let mut seen = HashSet::new();
    // `code.imports()` has a module's imports in the same order.
    for (import, described) in module.imports().zip(code.imports()) {
        let (outer, name) = (import.module(), import.name());
        let (wasmtime::ExternType::Func(ty), Some(shape)) = (import.ty(), &described.function)
        else {
            continue;
        };
        // A module may import the same function any number of times.
        if !seen.insert(described.name.as_str()) {
            continue;
        }
        match hosts.find(&described.name) {
            Some(Host::Async(call)) => abi::define_core_host(
                &mut linker,
                outer,
                name,
                ty,
                shape,
                move |caller, params| run(caller.data(), &call, params),
            )?,
            Some(Host::Sync(call)) => abi::define_core_host_sync(
                &mut linker,
                outer,
                name,
                ty,
                shape,
                move |_, params| Ok(call(params)?),
            )?,
            None => {}
        }
    }
    linker.instantiate_pre(module)
}

fn link_component(
    code: &Code,
    component: &wasmtime::component::Component,
    hosts: &Hosts,
    wasi: bool,
) -> wasmtime::Result<wasmtime::component::InstancePre<StoreData>> {
    let mut linker = wasmtime::component::Linker::<StoreData>::new(component.engine());
    if wasi {
        wasi_linker::offer_components(&mut linker, hosts.is_sync())?;
    }
    linker.allow_shadowing(true);
    let mut interfaces: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (interface, name, ty, host) in functions(code, hosts) {
        interfaces
            .entry(interface)
            .or_default()
            .push((name, ty, host));
    }
    for (interface, functions) in interfaces {
        let mut instance = if interface.is_empty() {
            linker.root()
        } else {
            linker.instance(interface)?
        };
        for (name, ty, host) in functions {
            match host {
                Host::Async(call) => {
                    abi::define_host(&mut instance, name, ty, move |store, params| {
                        run(store.data(), &call, params)
                    })?
                }
                Host::Sync(call) => {
                    abi::define_host_sync(&mut instance, name, ty, move |_, params| {
                        Ok(call(params)?)
                    })?
                }
            }
        }
    }
    linker.instantiate_pre(component)
}

/// The imported functions that the host offers: module or interface, name, type, function.
fn functions<'a>(
    code: &'a Code,
    hosts: &'a Hosts,
) -> impl Iterator<Item = (&'a str, &'a str, &'a Arc<FunctionType>, Host)> {
    code.imports().iter().filter_map(|import| {
        let (outer, name) = import.name.split_once('#').unwrap_or(("", &import.name));
        Some((
            outer,
            name,
            import.function.as_ref()?,
            hosts.find(&import.name)?,
        ))
    })
}

/// Calls a host function, and notes in the guest's call that it waits.
fn run(data: &StoreData, host: &HostCall, params: Vec<Value>) -> HostFuture {
    let call = data.call.clone();
    let answer = host(call.as_ref().map_or(0, |call| call.number()), params);
    Box::pin(async move {
        if let Some(call) = &call {
            call.enter_host();
        }
        let answer = answer.await;
        if let Some(call) = &call {
            call.leave_host();
        }
        Ok(answer?)
    })
}
