//! Checks the memories and tables that code begins with against the limits of one instance.
//!
//! Whatever the allocation, code with which no instance could start is refused when it is loaded, with the error of a
//! refused growth. Wasmtime alone refuses it with its allocator's numbers, or only when it is instantiated.

use super::compiled::Compiled;
use super::diagnosis::is_valid;
use crate::error::{Error, ErrorCode, LIMITED_BY_TABLES, Result};
use crate::units::PAGE_BYTES;
use riptide_wasm_accounting::Scope;
use wasmparser::{Parser, Payload};
use wasmtime::Engine;

/// The limits of one instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InstanceLimits {
    pub(crate) memory_bytes: u64,
    pub(crate) table_elements: u64,
}

/// The largest memory and table that code begins with.
#[derive(Clone, Copy, Debug, Default)]
struct Initial {
    memory_bytes: u64,
    table_elements: u64,
}

impl InstanceLimits {
    /// Refuses code before it is compiled. Code that is not valid passes: the compiler says why it is not.
    ///
    /// # Errors
    /// [`ErrorCode::MemoryLimit`].
    pub(super) fn check_bytes(&self, engine: &Engine, bytes: &[u8]) -> Result<()> {
        let checked = self.check(Initial::of_bytes(bytes));
        if checked.is_err() && !is_valid(engine, bytes) {
            return Ok(());
        }
        checked
    }

    /// Like [`InstanceLimits::check_bytes`], for code that was compiled before, perhaps by an engine with other limits.
    ///
    /// # Errors
    /// [`ErrorCode::MemoryLimit`].
    pub(crate) fn check_compiled(&self, compiled: &Compiled) -> Result<()> {
        let Some(required) = compiled.resources_required() else {
            return Ok(());
        };
        let pages = required.max_initial_memory_size.unwrap_or_default();
        self.check(Initial {
            memory_bytes: pages.saturating_mul(PAGE_BYTES),
            table_elements: required.max_initial_table_size.unwrap_or_default(),
        })
    }

    fn check(&self, initial: Initial) -> Result<()> {
        let Initial {
            memory_bytes,
            table_elements,
        } = initial;
        if memory_bytes > self.memory_bytes {
            let limit = self.memory_bytes;
            return Err(Error::new(
                ErrorCode::MemoryLimit,
                format!("the code begins with a memory of {memory_bytes} bytes; the limit of an instance is {limit}"),
            )
            .number("requestedBytes", memory_bytes as f64)
            .number("heldBytes", 0.0)
            .number("limitBytes", limit as f64)
            .text("limitedBy", Scope::Instance.as_str()));
        }
        if table_elements > self.table_elements {
            let limit = self.table_elements;
            return Err(Error::new(
                ErrorCode::MemoryLimit,
                format!("the code begins with a table of {table_elements} elements; the limit of an instance is {limit}"),
            )
            .number("requestedElements", table_elements as f64)
            .number("heldElements", 0.0)
            .number("limitElements", limit as f64)
            .text("limitedBy", LIMITED_BY_TABLES));
        }
        Ok(())
    }
}

impl Initial {
    /// The largest over all modules of a component. Stops where the bytes cannot be parsed, which the compiler will
    /// report.
    fn of_bytes(bytes: &[u8]) -> Initial {
        let mut initial = Initial::default();
        for payload in Parser::new(0).parse_all(bytes).map_while(|part| part.ok()) {
            match payload {
                Payload::MemorySection(memories) => {
                    for memory in memories.into_iter().map_while(|memory| memory.ok()) {
                        let page = 1_u64 << memory.page_size_log2.unwrap_or(16).min(63);
                        let bytes = memory.initial.saturating_mul(page);
                        initial.memory_bytes = initial.memory_bytes.max(bytes);
                    }
                }
                Payload::TableSection(tables) => {
                    for table in tables.into_iter().map_while(|table| table.ok()) {
                        initial.table_elements = initial.table_elements.max(table.ty.initial);
                    }
                }
                _ => {}
            }
        }
        initial
    }
}

#[cfg(test)]
mod tests {
    use super::super::compiled::compile;
    use super::*;

    const LIMITS: InstanceLimits = InstanceLimits {
        memory_bytes: 2 * PAGE_BYTES,
        table_elements: 10,
    };

    fn nested(module: &str) -> String {
        format!("(component (core module $m {module}) (core instance (instantiate $m)))")
    }

    #[test]
    fn both_ways_of_looking_agree() {
        let engine = Engine::default();
        for (module, limited_by) in [
            ("(memory 2) (table 10 funcref)", None),
            ("(memory 0 65536) (table 0 funcref)", None),
            ("(memory 3)", Some("instance")),
            ("(memory 1) (memory 3)", Some("instance")),
            ("(memory i64 3)", Some("instance")),
            ("(memory 65536)", Some("instance")),
            ("(table 11 funcref)", Some("tables")),
            ("(table 1 funcref) (table 11 funcref)", Some("tables")),
        ] {
            for text in [format!("(module {module})"), nested(module)] {
                let bytes = wat::parse_str(&text).expect("valid text");
                let compiled = compile(&engine, &bytes).expect("valid code");
                for checked in [
                    LIMITS.check_bytes(&engine, &bytes),
                    LIMITS.check_compiled(&compiled),
                ] {
                    let found = checked.err().map(|error| {
                        assert_eq!(error.code, ErrorCode::MemoryLimit);
                        error.details.last().map(|(_, by)| format!("{by:?}"))
                    });
                    let expected = limited_by.map(|by| Some(format!("Text({by:?})")));
                    assert_eq!(found, expected, "{text}");
                }
            }
        }
    }

    #[test]
    fn an_imported_memory_is_somebody_elses_and_what_is_invalid_the_compilers() {
        let engine = Engine::default();
        for text in [
            "(module (import \"a\" \"b\" (memory 3)) (import \"a\" \"c\" (table 11 funcref)))",
            "(module (memory 65537))",
            "(module (memory 3) (func (result i32)))",
        ] {
            let bytes = wat::parse_str(text).expect("text");
            LIMITS.check_bytes(&engine, &bytes).expect(text);
        }
        let simd = "(module (memory 3) (func (drop (v128.const i64x2 0 0))))";
        let bytes = wat::parse_str(simd).expect("text");
        LIMITS.check_bytes(&engine, &bytes).expect_err("too large");
        let mut config = wasmtime::Config::new();
        config.wasm_simd(false).wasm_relaxed_simd(false);
        let without = Engine::new(&config).expect("an engine");
        LIMITS
            .check_bytes(&without, &bytes)
            .expect("refused for its SIMD");
    }
}
