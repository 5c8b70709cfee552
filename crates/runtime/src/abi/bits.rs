//! The small pieces of lifting: numbers, labels and discriminants out of bits, and the errors for a guest that gets
//! them wrong.

use super::stop::{Lifted, Stop};
use crate::error::{Error, ErrorCode};
use crate::value::Value;
use wasmtime::component::__internal::InterfaceType;
use wasmtime::component::__internal::wasmtime_environ::component::VariantInfo;

pub(super) fn is_number(ty: &InterfaceType) -> bool {
    use InterfaceType::{Float32, Float64, S8, S16, S32, S64, U8, U16, U32, U64};
    matches!(
        ty,
        S8 | U8 | S16 | U16 | S32 | U32 | S64 | U64 | Float32 | Float64
    )
}

/// A number, `bool` or `char` from its bits; bits beyond its width are dropped, as the canonical ABI has it.
pub(super) fn scalar(ty: InterfaceType, bits: u64) -> Lifted<Value> {
    Ok(match ty {
        InterfaceType::Bool => Value::Bool(bits != 0),
        InterfaceType::S8 => Value::S8(bits as i8),
        InterfaceType::U8 => Value::U8(bits as u8),
        InterfaceType::S16 => Value::S16(bits as i16),
        InterfaceType::U16 => Value::U16(bits as u16),
        InterfaceType::S32 => Value::S32(bits as i32),
        InterfaceType::U32 => Value::U32(bits as u32),
        InterfaceType::S64 => Value::S64(bits as i64),
        InterfaceType::U64 => Value::U64(bits),
        InterfaceType::Float32 => Value::F32(f32::from_bits(bits as u32)),
        InterfaceType::Float64 => Value::F64(f64::from_bits(bits)),
        InterfaceType::Char => {
            Value::Char(char::try_from(bits as u32).map_err(wasmtime::Error::new)?)
        }
        _ => return Err(unsupported()),
    })
}

pub(super) fn enumeration(label: u32, count: usize) -> Lifted<Value> {
    if label as usize >= count {
        return Err(bad_discriminant(label, count));
    }
    Ok(Value::Enum(label))
}

/// Flags from their words; bits beyond the labels are dropped.
pub(super) fn flags(labels: usize, mut words: Vec<u32>) -> Value {
    let used = labels % 32;
    if let (true, Some(last)) = (used != 0, words.last_mut()) {
        *last &= (1 << used) - 1;
    }
    Value::Flags(words)
}

pub(super) fn discriminant(info: &VariantInfo, bytes: &[u8]) -> Lifted<u32> {
    let size = u32::from(info.size) as usize;
    let mut bits = [0; 4];
    bits[..size].copy_from_slice(bytes.get(..size).ok_or_else(not_flat)?);
    Ok(u32::from_le_bytes(bits))
}

pub(super) fn word(bytes: &[u8], at: usize) -> Lifted<u32> {
    let bits = bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk::<4>())
        .ok_or_else(not_flat)?;
    Ok(u32::from_le_bytes(*bits))
}

#[cold]
pub(super) fn not_flat() -> Stop {
    Stop::Guest(super::lower::not_flat())
}

#[cold]
pub(super) fn bad_discriminant(found: u32, count: usize) -> Stop {
    Stop::Guest(wasmtime::Error::msg(format!(
        "discriminant {found} out of range [0..{count})"
    )))
}

#[cold]
pub(super) fn unsupported() -> Stop {
    let message = "the guest gives a value of a type that cannot cross yet";
    Stop::Refused(Box::new(
        Error::new(ErrorCode::Unsupported, message).text("feature", "resource"),
    ))
}
