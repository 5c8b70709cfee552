//! Lifting: from the canonical ABI, flat or in guest memory, to a [`Value`].
//!
//! A guest is hostile here: every pointer, length, alignment, discriminant, `char` and string is checked, and the
//! call's [`Budget`](super::limits::Budget) pays for memory before it is allocated. No `unsafe`.

use super::bits::{
    bad_discriminant, discriminant, enumeration, flags, is_number, not_flat, scalar, unsupported,
    word,
};
use super::limits::Budget;
use super::stop::{Lifted, Stop};
use crate::value::{Numbers, Value};
use std::slice::Iter;
use wasmtime::ValRaw;
use wasmtime::component::__internal::wasmtime_environ::component::{
    StringEncoding, TypeListIndex, VariantInfo,
};
use wasmtime::component::__internal::{CanonicalAbiInfo, InterfaceType, LiftContext};
use wasmtime::component::Lift;

/// Lifts a value out of core values, taking as many slots as `ty` flattens to.
pub(super) fn lift_flat(
    cx: &mut LiftContext<'_>,
    budget: &mut Budget,
    ty: InterfaceType,
    slots: &mut Iter<'_, ValRaw>,
) -> Lifted<Value> {
    let types = cx.types;
    Ok(match ty {
        InterfaceType::S64 | InterfaceType::U64 | InterfaceType::Float64 => {
            scalar(ty, take(slots)?.get_u64())?
        }
        InterfaceType::Bool
        | InterfaceType::S8
        | InterfaceType::U8
        | InterfaceType::S16
        | InterfaceType::U16
        | InterfaceType::S32
        | InterfaceType::U32
        | InterfaceType::Float32
        | InterfaceType::Char => scalar(ty, u64::from(take(slots)?.get_u32()))?,
        InterfaceType::String => {
            let pair = [*take(slots)?, *take(slots)?];
            charge_string(cx, budget, pair[0].get_u32(), pair[1].get_u32())?;
            let text = String::linear_lift_from_flat(cx, ty, &pair)?;
            finish_string(budget, text, cx, pair[1].get_u32())?
        }
        InterfaceType::List(index) => {
            let (pointer, length) = (take(slots)?.get_u32(), take(slots)?.get_u32());
            lift_list(cx, budget, index, pointer, length)?
        }
        InterfaceType::Record(index) => {
            let fields = &types[index].fields;
            budget.take_values(fields.len())?;
            let values = fields
                .iter()
                .map(|field| lift_flat(cx, budget, field.ty, slots));
            Value::Record(values.collect::<Lifted<_>>()?)
        }
        InterfaceType::Tuple(index) => {
            let fields = &types[index].types;
            budget.take_values(fields.len())?;
            let values = fields.iter().map(|ty| lift_flat(cx, budget, *ty, slots));
            Value::Tuple(values.collect::<Lifted<_>>()?)
        }
        InterfaceType::Variant(index) => {
            let ty = &types[index];
            let case = take(slots)?.get_u32();
            let Some((_, payload)) = ty.cases.get_index(case as usize) else {
                return Err(bad_discriminant(case, ty.cases.len()));
            };
            Value::Variant(
                case,
                lift_flat_payload(cx, budget, &ty.abi, *payload, slots)?,
            )
        }
        InterfaceType::Enum(index) => {
            let label = take(slots)?.get_u32();
            enumeration(label, types[index].names.len())?
        }
        InterfaceType::Option(index) => {
            let ty = &types[index];
            let payload = match take(slots)?.get_u32() {
                0 => None,
                1 => Some(ty.ty),
                other => return Err(bad_discriminant(other, 2)),
            };
            Value::Option(lift_flat_payload(cx, budget, &ty.abi, payload, slots)?)
        }
        InterfaceType::Result(index) => {
            let ty = &types[index];
            Value::Result(match take(slots)?.get_u32() {
                0 => Ok(lift_flat_payload(cx, budget, &ty.abi, ty.ok, slots)?),
                1 => Err(lift_flat_payload(cx, budget, &ty.abi, ty.err, slots)?),
                other => return Err(bad_discriminant(other, 2)),
            })
        }
        InterfaceType::Flags(index) => {
            let labels = types[index].names.len();
            let words = (0..labels.div_ceil(32)).map(|_| Ok(take(slots)?.get_u32()));
            flags(labels, words.collect::<Lifted<_>>()?)
        }
        _ => return Err(unsupported()),
    })
}

/// Lifts the payload of a case whose discriminant was just taken, and skips the slots of the other cases.
fn lift_flat_payload(
    cx: &mut LiftContext<'_>,
    budget: &mut Budget,
    abi: &CanonicalAbiInfo,
    payload: Option<InterfaceType>,
    slots: &mut Iter<'_, ValRaw>,
) -> Lifted<Option<Box<Value>>> {
    let rest = abi
        .flat_count(usize::MAX)
        .and_then(|total| total.checked_sub(1))
        .ok_or_else(not_flat)?;
    let left = slots.len().checked_sub(rest).ok_or_else(not_flat)?;
    let value = match payload {
        Some(ty) => {
            budget.take_values(1)?;
            Some(Box::new(lift_flat(cx, budget, ty, slots)?))
        }
        None => None,
    };
    while slots.len() > left {
        take(slots)?;
    }
    Ok(value)
}

/// Lifts a value out of guest memory; `bytes` are those of `ty`, no more and no less.
pub(super) fn lift_memory(
    cx: &mut LiftContext<'_>,
    budget: &mut Budget,
    ty: InterfaceType,
    bytes: &[u8],
) -> Lifted<Value> {
    let types = cx.types;
    Ok(match ty {
        InterfaceType::Bool
        | InterfaceType::S8
        | InterfaceType::U8
        | InterfaceType::S16
        | InterfaceType::U16
        | InterfaceType::S32
        | InterfaceType::U32
        | InterfaceType::S64
        | InterfaceType::U64
        | InterfaceType::Float32
        | InterfaceType::Float64
        | InterfaceType::Char => {
            let mut bits = [0; 8];
            bits.get_mut(..bytes.len())
                .ok_or_else(not_flat)?
                .copy_from_slice(bytes);
            scalar(ty, u64::from_le_bytes(bits))?
        }
        InterfaceType::String => {
            let length = word(bytes, 4)?;
            charge_string(cx, budget, word(bytes, 0)?, length)?;
            let text = String::linear_lift_from_memory(cx, ty, bytes)?;
            finish_string(budget, text, cx, length)?
        }
        InterfaceType::List(index) => {
            let (pointer, length) = (word(bytes, 0)?, word(bytes, 4)?);
            lift_list(cx, budget, index, pointer, length)?
        }
        InterfaceType::Record(index) => {
            let fields = &types[index].fields;
            Value::Record(lift_fields(
                cx,
                budget,
                fields.iter().map(|field| field.ty),
                bytes,
            )?)
        }
        InterfaceType::Tuple(index) => {
            let fields = &types[index].types;
            Value::Tuple(lift_fields(cx, budget, fields.iter().copied(), bytes)?)
        }
        InterfaceType::Variant(index) => {
            let ty = &types[index];
            let case = discriminant(&ty.info, bytes)?;
            let Some((_, payload)) = ty.cases.get_index(case as usize) else {
                return Err(bad_discriminant(case, ty.cases.len()));
            };
            Value::Variant(
                case,
                lift_memory_payload(cx, budget, &ty.info, *payload, bytes)?,
            )
        }
        InterfaceType::Enum(index) => {
            let ty = &types[index];
            enumeration(discriminant(&ty.info, bytes)?, ty.names.len())?
        }
        InterfaceType::Option(index) => {
            let ty = &types[index];
            let payload = match discriminant(&ty.info, bytes)? {
                0 => None,
                1 => Some(ty.ty),
                other => return Err(bad_discriminant(other, 2)),
            };
            Value::Option(lift_memory_payload(cx, budget, &ty.info, payload, bytes)?)
        }
        InterfaceType::Result(index) => {
            let ty = &types[index];
            Value::Result(match discriminant(&ty.info, bytes)? {
                0 => Ok(lift_memory_payload(cx, budget, &ty.info, ty.ok, bytes)?),
                1 => Err(lift_memory_payload(cx, budget, &ty.info, ty.err, bytes)?),
                other => return Err(bad_discriminant(other, 2)),
            })
        }
        InterfaceType::Flags(index) => {
            let mut words = Vec::with_capacity(bytes.len().div_ceil(4));
            for chunk in bytes.chunks(4) {
                let mut bits = [0; 4];
                bits[..chunk.len()].copy_from_slice(chunk);
                words.push(u32::from_le_bytes(bits));
            }
            flags(types[index].names.len(), words)
        }
        _ => return Err(unsupported()),
    })
}

/// Lifts the fields of a record, a tuple, a parameter list or a result list out of guest memory.
pub(super) fn lift_fields(
    cx: &mut LiftContext<'_>,
    budget: &mut Budget,
    fields: impl ExactSizeIterator<Item = InterfaceType>,
    bytes: &[u8],
) -> Lifted<Vec<Value>> {
    budget.take_values(fields.len())?;
    let mut next = 0;
    let mut values = Vec::with_capacity(fields.len());
    for ty in fields {
        let abi = cx.types.canonical_abi(&ty);
        let at = abi.next_field32_size(&mut next);
        let bytes = bytes
            .get(at..at + abi.size32 as usize)
            .ok_or_else(not_flat)?;
        values.push(lift_memory(cx, budget, ty, bytes)?);
    }
    Ok(values)
}

fn lift_memory_payload(
    cx: &mut LiftContext<'_>,
    budget: &mut Budget,
    info: &VariantInfo,
    payload: Option<InterfaceType>,
    bytes: &[u8],
) -> Lifted<Option<Box<Value>>> {
    let Some(ty) = payload else { return Ok(None) };
    budget.take_values(1)?;
    let start = info.payload_offset32 as usize;
    let size = cx.types.canonical_abi(&ty).size32 as usize;
    let bytes = bytes.get(start..start + size).ok_or_else(not_flat)?;
    Ok(Some(Box::new(lift_memory(cx, budget, ty, bytes)?)))
}

fn lift_list(
    cx: &mut LiftContext<'_>,
    budget: &mut Budget,
    index: TypeListIndex,
    pointer: u32,
    length: u32,
) -> Lifted<Value> {
    let element = cx.types[index].element;
    let abi = cx.types.canonical_abi(&element);
    let (size, align) = (abi.size32 as usize, abi.align32);
    if !pointer.is_multiple_of(align) {
        return Err(Stop::Guest(wasmtime::Error::msg(
            "list pointer is not aligned",
        )));
    }
    let (pointer, length) = (pointer as usize, length as usize);
    let bytes = length
        .checked_mul(size)
        .and_then(|bytes| cx.memory().get(pointer..)?.get(..bytes))
        .ok_or_else(|| wasmtime::Error::msg("list pointer/length out of bounds of memory"))?;
    if is_number(&element) {
        budget.take_bytes(bytes.len() as u64)?;
        let numbers = Numbers::load(&element, bytes).ok_or_else(not_flat)?;
        return Ok(Value::Numbers(numbers));
    }
    budget.take_values(length)?;
    let mut items = Vec::with_capacity(length);
    for at in 0..length {
        items.push(lift_memory(
            cx,
            budget,
            element,
            &bytes[at * size..][..size],
        )?);
    }
    Ok(Value::List(items))
}

/// Pays for a string by its size in the guest, before it is decoded. One outside memory is the guest's fault,
/// not a large result; Wasmtime checks the rest.
fn charge_string(
    cx: &LiftContext<'_>,
    budget: &mut Budget,
    pointer: u32,
    length: u32,
) -> Lifted<()> {
    let bytes = guest_bytes(cx, length);
    if u64::from(pointer) + bytes > cx.memory().len() as u64 {
        return Err(Stop::Guest(wasmtime::Error::msg(
            "string pointer/length out of bounds of memory",
        )));
    }
    Ok(budget.take_bytes(bytes)?)
}

/// Pays for the bytes by which a string grew when it became UTF-8.
fn finish_string(
    budget: &mut Budget,
    text: String,
    cx: &LiftContext<'_>,
    length: u32,
) -> Lifted<Value> {
    budget.take_bytes((text.len() as u64).saturating_sub(guest_bytes(cx, length)))?;
    Ok(Value::String(text))
}

fn guest_bytes(cx: &LiftContext<'_>, length: u32) -> u64 {
    const UTF16_TAG: u32 = 1 << 31;
    match cx.options().string_encoding {
        StringEncoding::Utf8 => u64::from(length),
        StringEncoding::Utf16 => u64::from(length) * 2,
        StringEncoding::CompactUtf16 if length & UTF16_TAG == 0 => u64::from(length),
        StringEncoding::CompactUtf16 => u64::from(length ^ UTF16_TAG) * 2,
    }
}

fn take<'a>(slots: &mut Iter<'a, ValRaw>) -> Lifted<&'a ValRaw> {
    slots.next().ok_or_else(not_flat)
}
