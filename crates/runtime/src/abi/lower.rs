//! Lowering: from a [`Value`] to the canonical ABI, flat or in guest memory.
//!
//! [`shape`] is the one check of a value against the guest's type. Both forms are written from its result, so neither
//! can write a value of another type. No `unsafe` here: memory is reached through Wasmtime's bounds-checked slices.

use super::check::flags_fit;
use crate::error::{Error, ErrorCode};
use crate::value::{Numbers, Value};
use std::mem::MaybeUninit;
use std::slice::IterMut;
use wasmtime::ValRaw;
use wasmtime::component::__internal::wasmtime_environ::component::VariantInfo;
use wasmtime::component::__internal::{
    CanonicalAbiInfo, ComponentTypes, InterfaceType, LowerContext,
};
use wasmtime::component::Lower;

/// A value that was checked against its type, as the canonical ABI sees it.
enum Shape<'a> {
    /// A number, `bool` or `char`: its bits as a core value holds them, and its size in memory.
    Scalar(u64, usize),
    Text(&'a str),
    Block(&'a Numbers),
    List(InterfaceType, &'a [Value]),
    Record(
        &'a [wasmtime::component::__internal::wasmtime_environ::component::RecordField],
        &'a [Value],
    ),
    Tuple(&'a [InterfaceType], &'a [Value]),
    Case(Case<'a>),
    /// Flags: words, and how many labels.
    Flags(&'a [u32], usize),
}

/// The chosen case of a variant, enum, option or result.
struct Case<'a> {
    index: u32,
    payload: Option<(InterfaceType, &'a Value)>,
    abi: &'a CanonicalAbiInfo,
    info: &'a VariantInfo,
}

/// Checks `value` against `ty`.
fn shape<'a>(
    types: &'a ComponentTypes,
    ty: InterfaceType,
    value: &'a Value,
) -> wasmtime::Result<Shape<'a>> {
    Ok(match (ty, value) {
        (InterfaceType::Bool, Value::Bool(value)) => Shape::Scalar(u64::from(*value), 1),
        // A signed value becomes an `i32`, whose 32 bits a joined `i64` holds without their sign.
        (InterfaceType::S8, Value::S8(value)) => {
            Shape::Scalar(u64::from(i32::from(*value) as u32), 1)
        }
        (InterfaceType::U8, Value::U8(value)) => Shape::Scalar(u64::from(*value), 1),
        (InterfaceType::S16, Value::S16(value)) => {
            Shape::Scalar(u64::from(i32::from(*value) as u32), 2)
        }
        (InterfaceType::U16, Value::U16(value)) => Shape::Scalar(u64::from(*value), 2),
        (InterfaceType::S32, Value::S32(value)) => Shape::Scalar(u64::from(*value as u32), 4),
        (InterfaceType::U32, Value::U32(value)) => Shape::Scalar(u64::from(*value), 4),
        (InterfaceType::S64, Value::S64(value)) => Shape::Scalar(*value as u64, 8),
        (InterfaceType::U64, Value::U64(value)) => Shape::Scalar(*value, 8),
        (InterfaceType::Float32, Value::F32(value)) => Shape::Scalar(u64::from(value.to_bits()), 4),
        (InterfaceType::Float64, Value::F64(value)) => Shape::Scalar(value.to_bits(), 8),
        (InterfaceType::Char, Value::Char(value)) => Shape::Scalar(u64::from(u32::from(*value)), 4),
        (InterfaceType::String, Value::String(text)) => Shape::Text(text),
        (InterfaceType::String, Value::Utf8(bytes)) => match str::from_utf8(bytes) {
            Ok(text) => Shape::Text(text),
            Err(error) => return Err(mismatch("UTF-8", &format!("byte {}", error.valid_up_to()))),
        },
        (InterfaceType::List(index), Value::Numbers(numbers))
            if numbers.fits_interface(&types[index].element) =>
        {
            Shape::Block(numbers)
        }
        (InterfaceType::List(index), Value::List(items)) => {
            Shape::List(types[index].element, items)
        }
        (InterfaceType::Record(index), Value::Record(values))
            if types[index].fields.len() == values.len() =>
        {
            Shape::Record(&types[index].fields, values)
        }
        (InterfaceType::Tuple(index), Value::Tuple(values))
            if types[index].types.len() == values.len() =>
        {
            Shape::Tuple(&types[index].types, values)
        }
        (InterfaceType::Variant(index), Value::Variant(case, payload)) => {
            let ty = &types[index];
            let Some((_, payload_ty)) = ty.cases.get_index(*case as usize) else {
                return Err(mismatch(
                    "one of the variant's cases",
                    &format!("case {case}"),
                ));
            };
            let payload = join(*payload_ty, payload.as_deref())?;
            Shape::Case(Case {
                index: *case,
                payload,
                abi: &ty.abi,
                info: &ty.info,
            })
        }
        (InterfaceType::Enum(index), Value::Enum(label)) => {
            let ty = &types[index];
            if *label as usize >= ty.names.len() {
                return Err(mismatch(
                    "one of the enum's labels",
                    &format!("label {label}"),
                ));
            }
            Shape::Case(Case {
                index: *label,
                payload: None,
                abi: &ty.abi,
                info: &ty.info,
            })
        }
        (InterfaceType::Option(index), Value::Option(payload)) => {
            let ty = &types[index];
            let payload = payload.as_deref().map(|value| (ty.ty, value));
            Shape::Case(Case {
                index: u32::from(payload.is_some()),
                payload,
                abi: &ty.abi,
                info: &ty.info,
            })
        }
        (InterfaceType::Result(index), Value::Result(payload)) => {
            let ty = &types[index];
            let (case, payload) = match payload {
                Ok(value) => (0, join(ty.ok, value.as_deref())?),
                Err(value) => (1, join(ty.err, value.as_deref())?),
            };
            Shape::Case(Case {
                index: case,
                payload,
                abi: &ty.abi,
                info: &ty.info,
            })
        }
        (InterfaceType::Flags(index), Value::Flags(words))
            if flags_fit(types[index].names.len(), words) =>
        {
            Shape::Flags(words, types[index].names.len())
        }
        _ => return Err(mismatch("the type that the guest declares", value.kind())),
    })
}

fn join(
    ty: Option<InterfaceType>,
    value: Option<&Value>,
) -> wasmtime::Result<Option<(InterfaceType, &Value)>> {
    match (ty, value) {
        (Some(ty), Some(value)) => Ok(Some((ty, value))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(mismatch("a value", "no value")),
        (None, Some(value)) => Err(mismatch("no value", value.kind())),
    }
}

/// Lowers `value` into core values, taking as many slots as `ty` flattens to.
pub(super) fn lower_flat<T>(
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    value: &Value,
    slots: &mut IterMut<'_, ValRaw>,
) -> wasmtime::Result<()> {
    match shape(cx.types, ty, value)? {
        Shape::Scalar(bits, _) => put(slots, bits)?,
        Shape::Text(text) => {
            // Initialised beforehand, so that `assume_init` does not rely on what Wasmtime writes.
            let mut pair = MaybeUninit::new([ValRaw::u64(0); 2]);
            text.linear_lower_to_flat(cx, ty, &mut pair)?;
            // SAFETY: it was made by `MaybeUninit::new`, and lowering only ever writes whole `ValRaw`s.
            let [pointer, length] = unsafe { pair.assume_init() };
            put(slots, pointer.get_u64())?;
            put(slots, length.get_u64())?;
        }
        Shape::Block(numbers) => {
            let (pointer, length) = lower_block(cx, numbers)?;
            put(slots, pointer as u64)?;
            put(slots, length as u64)?;
        }
        Shape::List(element, items) => {
            let (pointer, length) = lower_list(cx, element, items)?;
            put(slots, pointer as u64)?;
            put(slots, length as u64)?;
        }
        Shape::Record(fields, values) => {
            for (field, value) in fields.iter().zip(values) {
                lower_flat(cx, field.ty, value, slots)?;
            }
        }
        Shape::Tuple(types, values) => {
            for (ty, value) in types.iter().zip(values) {
                lower_flat(cx, *ty, value, slots)?;
            }
        }
        Shape::Case(case) => {
            let total = case.abi.flat_count(usize::MAX).ok_or_else(not_flat)?;
            let left = slots.len().checked_sub(total).ok_or_else(not_flat)?;
            put(slots, u64::from(case.index))?;
            if let Some((ty, value)) = case.payload {
                lower_flat(cx, ty, value, slots)?;
            }
            // The other cases' slots are zero.
            while slots.len() > left {
                put(slots, 0)?;
            }
        }
        Shape::Flags(words, _) => {
            for word in words {
                put(slots, u64::from(*word))?;
            }
        }
    }
    Ok(())
}

/// Lowers `value` into guest memory at `offset`, where the bytes of `ty` were found in bounds and aligned.
pub(super) fn lower_memory<T>(
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    value: &Value,
    offset: usize,
) -> wasmtime::Result<()> {
    match shape(cx.types, ty, value)? {
        Shape::Scalar(bits, size) => write(cx, offset, &bits.to_le_bytes()[..size])?,
        Shape::Text(text) => text.linear_lower_to_memory(cx, ty, offset)?,
        Shape::Block(numbers) => {
            let pair = lower_block(cx, numbers)?;
            write_pair(cx, offset, pair)?;
        }
        Shape::List(element, items) => {
            let pair = lower_list(cx, element, items)?;
            write_pair(cx, offset, pair)?;
        }
        Shape::Record(fields, values) => {
            let mut next = offset;
            for (field, value) in fields.iter().zip(values) {
                let at = cx
                    .types
                    .canonical_abi(&field.ty)
                    .next_field32_size(&mut next);
                lower_memory(cx, field.ty, value, at)?;
            }
        }
        Shape::Tuple(types, values) => lower_fields(cx, types, values, offset)?,
        Shape::Case(case) => {
            let index = case.index.to_le_bytes();
            let size = u32::from(case.info.size) as usize;
            write(cx, offset, &index[..size])?;
            if let Some((ty, value)) = case.payload {
                lower_memory(cx, ty, value, offset + case.info.payload_offset32 as usize)?;
            }
        }
        Shape::Flags(words, labels) => match (labels, words) {
            (0, _) => {}
            (1..=8, [word, ..]) => write(cx, offset, &word.to_le_bytes()[..1])?,
            (9..=16, [word, ..]) => write(cx, offset, &word.to_le_bytes()[..2])?,
            _ => {
                for (at, word) in words.iter().enumerate() {
                    write(cx, offset + 4 * at, &word.to_le_bytes())?;
                }
            }
        },
    }
    Ok(())
}

/// Lowers the values of a tuple, a parameter list or a result list into guest memory.
pub(super) fn lower_fields<T>(
    cx: &mut LowerContext<'_, T>,
    types: &[InterfaceType],
    values: &[Value],
    offset: usize,
) -> wasmtime::Result<()> {
    let mut next = offset;
    for (ty, value) in types.iter().zip(values) {
        let at = cx.types.canonical_abi(ty).next_field32_size(&mut next);
        lower_memory(cx, *ty, value, at)?;
    }
    Ok(())
}

fn lower_block<T>(
    cx: &mut LowerContext<'_, T>,
    numbers: &Numbers,
) -> wasmtime::Result<(usize, usize)> {
    let bytes = numbers.byte_len();
    let pointer = cx.realloc(0, 0, numbers.size() as u32, bytes)?;
    numbers.store(slice(cx, pointer, bytes)?);
    Ok((pointer, numbers.len()))
}

fn lower_list<T>(
    cx: &mut LowerContext<'_, T>,
    element: InterfaceType,
    items: &[Value],
) -> wasmtime::Result<(usize, usize)> {
    let abi = cx.types.canonical_abi(&element);
    let size = abi.size32 as usize;
    let bytes = items
        .len()
        .checked_mul(size)
        .ok_or_else(|| wasmtime::Error::msg("the list is too long"))?;
    let pointer = cx.realloc(0, 0, abi.align32, bytes)?;
    for (at, item) in items.iter().enumerate() {
        lower_memory(cx, element, item, pointer + at * size)?;
    }
    Ok((pointer, items.len()))
}

fn put(slots: &mut IterMut<'_, ValRaw>, bits: u64) -> wasmtime::Result<()> {
    *slots.next().ok_or_else(not_flat)? = ValRaw::u64(bits);
    Ok(())
}

fn write<T>(cx: &mut LowerContext<'_, T>, offset: usize, bytes: &[u8]) -> wasmtime::Result<()> {
    slice(cx, offset, bytes.len())?.copy_from_slice(bytes);
    Ok(())
}

fn write_pair<T>(
    cx: &mut LowerContext<'_, T>,
    offset: usize,
    (pointer, length): (usize, usize),
) -> wasmtime::Result<()> {
    write(cx, offset, &u32::try_from(pointer)?.to_le_bytes())?;
    write(cx, offset + 4, &u32::try_from(length)?.to_le_bytes())
}

fn slice<'a, T>(
    cx: &'a mut LowerContext<'_, T>,
    offset: usize,
    length: usize,
) -> wasmtime::Result<&'a mut [u8]> {
    cx.as_slice_mut()
        .get_mut(offset..)
        .and_then(|rest| rest.get_mut(..length))
        .ok_or_else(|| wasmtime::Error::msg("a lowered value lies outside the guest's memory"))
}

#[cold]
pub(super) fn not_flat() -> wasmtime::Error {
    wasmtime::Error::new(Error::new(
        ErrorCode::Internal,
        "a type takes other core values than it says",
    ))
}

/// A value that reached lowering with another type than the guest's: the caller's [`FunctionType`] was not
/// this function's.
///
/// [`FunctionType`]: crate::value::FunctionType
#[cold]
pub(super) fn mismatch(expected: &str, received: &str) -> wasmtime::Error {
    wasmtime::Error::new(
        Error::new(
            ErrorCode::BadArgument,
            format!("a value: expected {expected}, received {received}"),
        )
        .text("path", "")
        .text("expected", expected)
        .text("received", received),
    )
}
