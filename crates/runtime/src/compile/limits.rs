//! Checks before anything is compiled: size, number of functions, and nesting.

use super::options::CompileOptions;
use crate::error::{Error, ErrorCode, Result};
use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentImport, ComponentType,
    ComponentTypeRef, CoreType, FunctionBody, Operator, Parser, Payload,
};

/// The most levels of nesting of component and instance types, whatever the options say: the compiler's reader recurses
/// at each level, and some 2000 levels fill the 2 MiB stacks of its threads.
const MAX_TYPE_LEVELS: u32 = 1000;

/// The failure of code that exceeds a limit.
pub(super) fn exceeded(option: &str, limit: u64, what: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorCode::CompileLimit,
        format!("{what}; `{option}` allows {limit}"),
    )
    .text("option", option)
    .number("limit", limit as f64)
}

/// Refuses a guest of `bytes` bytes if that is too large, before they are read.
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

/// Counts functions, and how deep modules, components, their types and blocks are nested. Stops where the bytes cannot
/// be parsed: the compiler says what is wrong with them.
///
/// # Errors
/// [`ErrorCode::CompileLimit`].
pub(super) fn check_shape(options: &CompileOptions, bytes: &[u8]) -> Result<()> {
    let within = |depth: u32, most: u32| match depth > most {
        true => Err(exceeded(
            "compile.maxNesting",
            most.into(),
            "the code nests deeper than it may",
        )),
        false => Ok(()),
    };
    let nesting = |depth: u32| within(depth, options.max_nesting);
    let levels = |depth: u32| within(depth, options.max_nesting.min(MAX_TYPE_LEVELS));
    let (mut functions, mut depth) = (0_u64, 0);
    let mut count = |more: u32| {
        functions += u64::from(more);
        if functions <= u64::from(options.max_functions) {
            return Ok(());
        }
        let what = format!("the code has {functions} functions or more");
        let limit = options.max_functions.into();
        Err(exceeded("compile.maxFunctions", limit, what))
    };
    for payload in Parser::new(0).parse_all(bytes) {
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => {
                depth += 1;
                nesting(depth)?;
            }
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            Ok(Payload::CodeSectionStart { count: more, .. }) => count(more)?,
            // Each becomes a function too, which passes values on.
            Ok(Payload::ComponentCanonicalSection(section)) => count(section.count())?,
            Ok(Payload::ComponentTypeSection(section)) => {
                if let Some(types) = bytes.get(section.range()) {
                    check_types(types, depth, &levels)?;
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

/// Checks the types of a section, `depth` components deep. Reads them in a loop: the compiler's own reader recurses
/// with each level, until the stack is used up.
fn check_types(section: &[u8], depth: u32, nesting: &dyn Fn(u32) -> Result<()>) -> Result<()> {
    let mut reader = BinaryReader::new(section, 0);
    let Ok(count) = reader.read_var_u32() else {
        return Ok(());
    };
    // How many declarations are left on each level.
    let mut levels = vec![count];
    while let Some(left) = levels.last_mut() {
        let Some(less) = left.checked_sub(1) else {
            levels.pop();
            continue;
        };
        *left = less;
        match declaration(&mut reader, levels.len() > 1) {
            Some(Declaration::Leaf) => {}
            Some(Declaration::Level(count)) => {
                nesting(depth.saturating_add(levels.len() as u32))?;
                levels.push(count);
            }
            None => break,
        }
    }
    Ok(())
}

enum Declaration {
    Leaf,
    /// The type of a component or an instance, with this many declarations.
    Level(u32),
}

/// The next type of a section or, `inside` another type, the next declaration of that. `None` if there is none.
fn declaration(reader: &mut BinaryReader<'_>, inside: bool) -> Option<Declaration> {
    if inside {
        match reader.read_u8().ok()? {
            0x00 => {
                reader.read::<CoreType<'_>>().ok()?;
            }
            0x01 => return declaration(reader, false),
            0x02 => {
                reader.read::<ComponentAlias<'_>>().ok()?;
            }
            0x03 => {
                reader.read::<ComponentImport<'_>>().ok()?;
            }
            0x04 => {
                reader.read::<ComponentExternName<'_>>().ok()?;
                reader.read::<ComponentTypeRef>().ok()?;
            }
            _ => return None,
        }
        return Some(Declaration::Leaf);
    }
    let mut ahead = reader.clone();
    if let 0x41 | 0x42 = ahead.read_u8().ok()? {
        *reader = ahead;
        return reader.read_var_u32().ok().map(Declaration::Level);
    }
    reader.read::<ComponentType<'_>>().ok()?;
    Some(Declaration::Leaf)
}
