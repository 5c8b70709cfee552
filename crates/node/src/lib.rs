//! The N-API binding: options in, values and failures out. All decisions are made in `riptide-wasm-runtime`, and pages decoded in
//! `riptide-encoding`.
//!
//! Every asynchronous call returns a promise that settles through one queue of its environment. Failures cross as plain
//! objects, which `native.ts` turns into error classes.

// Under `cfg(test)` napi registers no functions, so those that only JavaScript calls look unused.
#![cfg_attr(test, allow(dead_code))]

mod bridge;
mod cache;
mod caller;
mod checkout;
mod code;
mod engine;
mod failure;
mod from_js;
mod function;
mod guest;
mod host;
mod info;
mod js;
mod keys;
mod number;
mod page;
mod pool;
mod queue;
mod shared_tier;
mod sync_instance;
mod to_js;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
