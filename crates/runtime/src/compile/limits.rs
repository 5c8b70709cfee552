//! What is looked at before anything is compiled: size, functions and nesting.

use super::CompileOptions;
use crate::error::{Error, ErrorCode, Result};
use wasmparser::{FunctionBody, Operator, Parser, Payload};

/// More than a limit allows.
pub(super) fn exceeded(option: &str, limit: u64, what: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorCode::CompileLimit,
        format!("{what}; `{option}` allows {limit}"),
    )
    .text("option", option)
    .number("limit", limit as f64)
}

/// Refuses a guest of so many bytes, before they are even read.
///
/// # Errors
/// [`ErrorCode::CompileLimit`].
pub(super) fn check_size(options: &CompileOptions, bytes: u64) -> Result<()> {
    if bytes > options.max_bytes {
        let what = format!("the code has {bytes} bytes");
        return Err(exceeded("compile.maxBytes", options.max_bytes, what));
    }
    Ok(())
}

/// Counts functions, and how deep modules, components and blocks lie in each other. What cannot be parsed is left to
/// the compiler, which says what is wrong with it.
///
/// # Errors
/// [`ErrorCode::CompileLimit`].
pub(super) fn check_shape(options: &CompileOptions, bytes: &[u8]) -> Result<()> {
    let nesting = |depth: u32| match depth > options.max_nesting {
        true => Err(exceeded(
            "compile.maxNesting",
            options.max_nesting.into(),
            "the code nests deeper than it may",
        )),
        false => Ok(()),
    };
    let (mut functions, mut depth) = (0_u64, 0);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => {
                depth += 1;
                nesting(depth)?;
            }
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            Ok(Payload::CodeSectionStart { count, .. }) => {
                functions += u64::from(count);
                if functions > u64::from(options.max_functions) {
                    let what = format!("the code has {functions} functions or more");
                    let limit = options.max_functions.into();
                    return Err(exceeded("compile.maxFunctions", limit, what));
                }
            }
            Ok(Payload::CodeSectionEntry(body)) => check_blocks(&body, &nesting)?,
            Ok(_) => {}
            Err(_) => break,
        }
    }
    Ok(())
}

fn check_blocks(body: &FunctionBody<'_>, nesting: &dyn Fn(u32) -> Result<()>) -> Result<()> {
    let Ok(operators) = body.get_operators_reader() else {
        return Ok(());
    };
    let mut depth = 0;
    for operator in operators {
        match operator {
            Ok(
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::TryTable { .. },
            ) => {
                depth += 1;
                nesting(depth)?;
            }
            Ok(Operator::End) => depth = depth.saturating_sub(1),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    Ok(())
}
