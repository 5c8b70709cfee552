//! Lists of numbers, which cross as one block.

use riptide_wasm_runtime::value::Type;

/// The element of a list that moves as one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
}

impl Number {
    /// The element for this type; `None` if lists of it do not move as one block.
    pub(crate) fn of(ty: &Type) -> Option<Number> {
        Some(match ty {
            Type::S8 => Number::S8,
            Type::U8 => Number::U8,
            Type::S16 => Number::S16,
            Type::U16 => Number::U16,
            Type::S32 => Number::S32,
            Type::U32 => Number::U32,
            Type::S64 => Number::S64,
            Type::U64 => Number::U64,
            Type::F32 => Number::F32,
            Type::F64 => Number::F64,
            _ => return None,
        })
    }

    /// WIT's name of the element, and JavaScript's of the typed array.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        match self {
            Number::S8 => ("s8", "Int8Array"),
            Number::U8 => ("u8", "Uint8Array"),
            Number::S16 => ("s16", "Int16Array"),
            Number::U16 => ("u16", "Uint16Array"),
            Number::S32 => ("s32", "Int32Array"),
            Number::U32 => ("u32", "Uint32Array"),
            Number::S64 => ("s64", "BigInt64Array"),
            Number::U64 => ("u64", "BigUint64Array"),
            Number::F32 => ("f32", "Float32Array"),
            Number::F64 => ("f64", "Float64Array"),
        }
    }

    /// The type of one element.
    pub(crate) fn element(self) -> Type {
        match self {
            Number::S8 => Type::S8,
            Number::U8 => Type::U8,
            Number::S16 => Type::S16,
            Number::U16 => Type::U16,
            Number::S32 => Type::S32,
            Number::U32 => Type::U32,
            Number::S64 => Type::S64,
            Number::U64 => Type::U64,
            Number::F32 => Type::F32,
            Number::F64 => Type::F64,
        }
    }
}
