//! Compiles bytes, in this process or in one of its own, and classifies failures.
//!
//! It neither caches code nor reads it from files: [`crate::cache`] does.

pub mod child;
mod compiled;
mod compiler;
mod description;
mod diagnosis;
mod form;
mod initial;
mod isolated;
mod kind;
mod limits;
pub(crate) mod native;
mod options;
mod settings;
mod text;
mod threads;

pub use compiled::{Compiled, compile};
pub use compiler::Compiler;
pub use description::{Description, Export, Function, Import};
pub(crate) use description::{Lookup, Target};
pub(crate) use form::Form;
pub(crate) use initial::InstanceLimits;
pub(crate) use kind::expect_kind;
pub use kind::{Kind, kind_of};
pub use options::{CompileOptions, IsolatedOptions};
pub(crate) use settings::FULL_RESERVATION;
pub use settings::{Cpu, Settings};
pub use text::wat2wasm;
