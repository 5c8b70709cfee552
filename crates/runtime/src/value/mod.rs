//! Values and types as they cross between a caller and a guest, independent of JavaScript and of a store.

mod label;
mod numbers;
mod text;
mod types;

pub use label::{Label, camel_case};
pub use numbers::Numbers;
pub use text::{MAX_TEXT_BYTES, Text};
pub(crate) use types::Facts;
pub use types::{Case, Field, FunctionType, Type};

/// One value. The shape must be that of the [`Type`] it travels under; lowering checks it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `bool`
    Bool(bool),
    /// `s8`
    S8(i8),
    /// `u8`
    U8(u8),
    /// `s16`
    S16(i16),
    /// `u16`
    U16(u16),
    /// `s32`, and the `i32` of a core function
    S32(i32),
    /// `u32`
    U32(u32),
    /// `s64`, and the `i64` of a core function
    S64(i64),
    /// `u64`
    U64(u64),
    /// `f32`
    F32(f32),
    /// `f64`
    F64(f64),
    /// `char`
    Char(char),
    /// `string`
    String(String),
    /// A `string` given as bytes: its UTF-8 is checked when it is lowered, off the event loop.
    Utf8(Vec<u8>),
    /// `list` of a number type, moved as one block.
    Numbers(Numbers),
    /// `list` of anything else. Lifting never gives it for a number type; lowering takes it there too.
    List(Vec<Value>),
    /// `record`: the fields in declared order.
    Record(Vec<Value>),
    /// `tuple`
    Tuple(Vec<Value>),
    /// `variant`: index of the case, and its value if it has one.
    Variant(u32, Option<Box<Value>>),
    /// `enum`: index of the case.
    Enum(u32),
    /// `flags`: one bit a label in declared order, 32 in a word.
    Flags(Vec<u32>),
    /// `option`
    Option(Option<Box<Value>>),
    /// `result`
    Result(Result<Option<Box<Value>>, Option<Box<Value>>>),
}

impl Value {
    /// What kind of value this is, as a message calls it.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Bool(_) => "bool",
            Value::S8(_) => "s8",
            Value::U8(_) => "u8",
            Value::S16(_) => "s16",
            Value::U16(_) => "u16",
            Value::S32(_) => "s32",
            Value::U32(_) => "u32",
            Value::S64(_) => "s64",
            Value::U64(_) => "u64",
            Value::F32(_) => "f32",
            Value::F64(_) => "f64",
            Value::Char(_) => "char",
            Value::String(_) | Value::Utf8(_) => "string",
            Value::Numbers(numbers) => numbers.kind(),
            Value::List(_) => "list",
            Value::Record(_) => "record",
            Value::Tuple(_) => "tuple",
            Value::Variant(..) => "variant",
            Value::Enum(_) => "enum",
            Value::Flags(_) => "flags",
            Value::Option(_) => "option",
            Value::Result(_) => "result",
        }
    }
}
