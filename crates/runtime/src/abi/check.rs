//! Checks whether values fit a function's type; the error has the path of the first that does not.
//!
//! This runs before a guest is entered, so that a wrong argument leaves its instance untouched. Lowering
//! checks each value against the guest's own type all the same: that check is the one memory safety rests on.

use crate::error::{Error, ErrorCode, Result};
use crate::value::{FunctionType, Text, Type, Value};
use std::fmt::Write;

/// The most bytes that one string or number list can take in a 32-bit memory (Wasmtime's limit for strings).
const MAX_BLOCK: usize = i32::MAX as usize;

/// Checks the arguments of a call.
pub fn check_params(ty: &FunctionType, values: &[Value]) -> Result<()> {
    check_count("argument", ty.params.len(), values.len())?;
    for (at, (field, value)) in ty.params.iter().zip(values).enumerate() {
        check(&field.ty, value)
            .map_err(|mismatch| mismatch.into_error("argument", format!("args[{at}]")))?;
    }
    Ok(())
}

/// Checks the values that a host function returns.
pub fn check_results(ty: &FunctionType, values: &[Value]) -> Result<()> {
    check_count("result", ty.results.len(), values.len())?;
    for (at, (ty, value)) in ty.results.iter().zip(values).enumerate() {
        let root = || {
            if values.len() == 1 {
                "result".to_owned()
            } else {
                at.to_string()
            }
        };
        check(ty, value).map_err(|mismatch| mismatch.into_error("result", root()))?;
    }
    Ok(())
}

fn check_count(what: &str, expected: usize, received: usize) -> Result<()> {
    if expected == received {
        return Ok(());
    }
    let plural = if expected == 1 { "" } else { "s" };
    let message = format!("expected {expected} {what}{plural}, received {received}");
    Err(Error::new(ErrorCode::BadArgument, message)
        .text("path", format!("{what}s"))
        .text("expected", format!("{expected} {what}{plural}"))
        .text("received", received.to_string()))
}

/// A value that does not fit, with the way to it, innermost step first.
struct Mismatch {
    steps: Vec<Step>,
    code: ErrorCode,
    expected: String,
    received: String,
}

enum Step {
    Index(usize),
    Name(String),
}

impl Mismatch {
    #[cold]
    fn new(expected: impl Into<String>, received: impl Into<String>) -> Box<Mismatch> {
        Box::new(Mismatch {
            steps: Vec::new(),
            code: ErrorCode::BadArgument,
            expected: expected.into(),
            received: received.into(),
        })
    }

    fn at(mut self: Box<Self>, index: usize) -> Box<Mismatch> {
        self.steps.push(Step::Index(index));
        self
    }

    fn under(mut self: Box<Self>, name: &str) -> Box<Mismatch> {
        self.steps.push(Step::Name(name.to_owned()));
        self
    }

    fn into_error(self, what: &str, root: String) -> Error {
        let path = Text::of(|path| {
            path.write_str(&root)?;
            self.steps.iter().rev().try_for_each(|step| match step {
                Step::Index(index) => write!(path, "[{index}]"),
                Step::Name(name) => write!(path, ".{name}"),
            })
        });
        if self.code == ErrorCode::Unsupported {
            let message = format!(
                "{what} `{path}` has the type {}, which cannot cross yet",
                self.expected
            );
            return Error::new(self.code, message).text("feature", self.expected);
        }
        let Mismatch {
            expected, received, ..
        } = self;
        Error::new(
            self.code,
            format!("{what} `{path}`: expected {expected}, received {received}"),
        )
        .text("path", path)
        .text("expected", expected)
        .text("received", received)
    }
}

type Checked = std::result::Result<(), Box<Mismatch>>;

fn check(ty: &Type, value: &Value) -> Checked {
    match (ty, value) {
        (Type::I32, Value::S32(_) | Value::U32(_))
        | (Type::I64, Value::S64(_) | Value::U64(_))
        | (Type::Bool, Value::Bool(_))
        | (Type::S8, Value::S8(_))
        | (Type::U8, Value::U8(_))
        | (Type::S16, Value::S16(_))
        | (Type::U16, Value::U16(_))
        | (Type::S32, Value::S32(_))
        | (Type::U32, Value::U32(_))
        | (Type::S64, Value::S64(_))
        | (Type::U64, Value::U64(_))
        | (Type::F32, Value::F32(_))
        | (Type::F64, Value::F64(_))
        | (Type::Char, Value::Char(_)) => Ok(()),
        (Type::String, Value::String(text)) => check_block(text.len()),
        (Type::String, Value::Utf8(bytes)) => {
            check_block(bytes.len())?;
            match str::from_utf8(bytes) {
                Ok(_) => Ok(()),
                Err(error) => Err(Mismatch::new(
                    "UTF-8",
                    format!("byte {}", error.valid_up_to()),
                )),
            }
        }
        (Type::List(element), Value::Numbers(numbers)) if numbers.fits(element) => {
            check_block(numbers.byte_len())
        }
        (Type::List(element), Value::List(items)) => {
            for (at, item) in items.iter().enumerate() {
                check(element, item).map_err(|mismatch| mismatch.at(at))?;
            }
            Ok(())
        }
        (Type::Record(fields), Value::Record(values)) => {
            if fields.len() != values.len() {
                return Err(lengths(fields.len(), values.len(), "field"));
            }
            for (field, value) in fields.iter().zip(values) {
                check(&field.ty, value).map_err(|mismatch| mismatch.under(field.name.as_str()))?;
            }
            Ok(())
        }
        (Type::Tuple(types), Value::Tuple(values)) => {
            if types.len() != values.len() {
                return Err(lengths(types.len(), values.len(), "element"));
            }
            for (at, (ty, value)) in types.iter().zip(values).enumerate() {
                check(ty, value).map_err(|mismatch| mismatch.at(at))?;
            }
            Ok(())
        }
        (Type::Variant(cases), Value::Variant(index, payload)) => {
            let case = cases
                .get(*index as usize)
                .ok_or_else(|| out_of_range(cases.len(), *index, "case"))?;
            check_payload(case.ty.as_ref(), payload.as_deref())
                .map_err(|mismatch| mismatch.under(&case.name))
        }
        (Type::Enum(labels), Value::Enum(index)) => match labels.get(*index as usize) {
            Some(_) => Ok(()),
            None => Err(out_of_range(labels.len(), *index, "label")),
        },
        (Type::Flags(labels), Value::Flags(words)) => {
            if flags_fit(labels.len(), words) {
                return Ok(());
            }
            let received = format!(
                "{} words with a bit of no label or of another length",
                words.len()
            );
            Err(Mismatch::new(
                format!("flags with {} labels", labels.len()),
                received,
            ))
        }
        (Type::Option(ty), Value::Option(payload)) => match payload {
            Some(value) => check(ty, value).map_err(|mismatch| mismatch.under("some")),
            None => Ok(()),
        },
        (Type::Result(ok, err), Value::Result(payload)) => match payload {
            Ok(value) => check_payload(ok.as_deref(), value.as_deref())
                .map_err(|mismatch| mismatch.under("ok")),
            Err(value) => check_payload(err.as_deref(), value.as_deref())
                .map_err(|mismatch| mismatch.under("err")),
        },
        (Type::Unsupported(name), _) => {
            let mut mismatch = Mismatch::new(&**name, value.kind());
            mismatch.code = ErrorCode::Unsupported;
            Err(mismatch)
        }
        _ => Err(Mismatch::new(ty.to_string(), value.kind())),
    }
}

/// Whether `words` are the words of `labels` labels, with no bit beyond them.
pub(super) fn flags_fit(labels: usize, words: &[u32]) -> bool {
    if words.len() != labels.div_ceil(32) {
        return false;
    }
    let used = labels % 32;
    used == 0 || words.last().is_none_or(|last| last >> used == 0)
}

fn check_block(bytes: usize) -> Checked {
    if bytes <= MAX_BLOCK {
        return Ok(());
    }
    Err(Mismatch::new(
        format!("at most {MAX_BLOCK} bytes"),
        format!("{bytes} bytes"),
    ))
}

fn check_payload(ty: Option<&Type>, value: Option<&Value>) -> Checked {
    match (ty, value) {
        (Some(ty), Some(value)) => check(ty, value),
        (None, None) => Ok(()),
        (Some(ty), None) => Err(Mismatch::new(ty.to_string(), "no value")),
        (None, Some(value)) => Err(Mismatch::new("no value", value.kind())),
    }
}

#[cold]
fn lengths(expected: usize, received: usize, what: &str) -> Box<Mismatch> {
    Mismatch::new(format!("{expected} {what}s"), format!("{received}"))
}

#[cold]
fn out_of_range(count: usize, index: u32, what: &str) -> Box<Mismatch> {
    Mismatch::new(format!("one of {count} {what}s"), format!("{what} {index}"))
}
