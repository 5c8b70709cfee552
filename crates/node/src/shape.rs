//! Types made ready for conversion: the names as JavaScript spells them are worked out once a function.

use riptide_wasm_runtime::module::{Function, camel_case};
use riptide_wasm_runtime::value::{FunctionType, Type};
use std::sync::Arc;

/// A type with JavaScript's names in it.
pub(crate) enum Shape {
    I32,
    I64,
    Bool,
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
    Char,
    String,
    /// `list` of a number type.
    Numbers(Number),
    List(Box<Shape>),
    Record(Record),
    Tuple(Vec<Shape>),
    /// WIT names, kept as they are in JavaScript.
    Variant(Vec<(String, Option<Shape>)>),
    Enum(Vec<String>),
    /// camelCase names.
    Flags(Vec<String>),
    Option(Box<Shape>),
    /// `option` of an `option`: tagged, since `undefined` could be either.
    NestedOption(Box<Shape>),
    Result(Option<Box<Shape>>, Option<Box<Shape>>),
    Unsupported(String),
}

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

/// A record's fields by camelCase name.
pub(crate) struct Record {
    /// Which record of the signature this is: conversions keep its key strings under this number.
    pub(crate) id: usize,
    pub(crate) fields: Vec<(String, Shape)>,
}

/// A function with its types made ready.
pub(crate) struct Signature {
    pub(crate) params: Vec<Shape>,
    pub(crate) results: Vec<Shape>,
    /// How many records there are, for their key strings.
    pub(crate) records: usize,
}

/// A function of compiled code with its signature.
pub(crate) struct Callable {
    pub(crate) function: Arc<Function>,
    pub(crate) signature: Arc<Signature>,
}

impl Signature {
    pub(crate) fn new(ty: &FunctionType) -> Signature {
        let mut records = 0;
        let params = ty
            .params
            .iter()
            .map(|field| Shape::new(&field.ty, &mut records))
            .collect();
        let results = ty
            .results
            .iter()
            .map(|ty| Shape::new(ty, &mut records))
            .collect();
        Signature {
            params,
            results,
            records,
        }
    }
}

impl Shape {
    /// `records` counts the records met so far.
    pub(crate) fn new(ty: &Type, records: &mut usize) -> Shape {
        match ty {
            Type::I32 => Shape::I32,
            Type::I64 => Shape::I64,
            Type::Bool => Shape::Bool,
            Type::S8 => Shape::S8,
            Type::U8 => Shape::U8,
            Type::S16 => Shape::S16,
            Type::U16 => Shape::U16,
            Type::S32 => Shape::S32,
            Type::U32 => Shape::U32,
            Type::S64 => Shape::S64,
            Type::U64 => Shape::U64,
            Type::F32 => Shape::F32,
            Type::F64 => Shape::F64,
            Type::Char => Shape::Char,
            Type::String => Shape::String,
            Type::List(element) => match Number::of(element) {
                Some(number) => Shape::Numbers(number),
                None => Shape::List(Box::new(Shape::new(element, records))),
            },
            Type::Record(fields) => {
                let id = *records;
                *records += 1;
                let fields = fields
                    .iter()
                    .map(|field| (camel_case(&field.name), Shape::new(&field.ty, records)))
                    .collect();
                Shape::Record(Record { id, fields })
            }
            Type::Tuple(types) => {
                Shape::Tuple(types.iter().map(|ty| Shape::new(ty, records)).collect())
            }
            Type::Variant(cases) => Shape::Variant(
                cases
                    .iter()
                    .map(|case| {
                        (
                            case.name.clone(),
                            case.ty.as_ref().map(|ty| Shape::new(ty, records)),
                        )
                    })
                    .collect(),
            ),
            Type::Enum(labels) => Shape::Enum(labels.to_vec()),
            Type::Flags(labels) => {
                Shape::Flags(labels.iter().map(|label| camel_case(label)).collect())
            }
            Type::Option(inner) => {
                let shape = Box::new(Shape::new(inner, records));
                if matches!(**inner, Type::Option(_)) {
                    Shape::NestedOption(shape)
                } else {
                    Shape::Option(shape)
                }
            }
            Type::Result(ok, err) => {
                let mut side = |ty: &Option<Arc<Type>>| {
                    ty.as_ref().map(|ty| Box::new(Shape::new(ty, records)))
                };
                let ok = side(ok);
                Shape::Result(ok, side(err))
            }
            Type::Unsupported(name) => Shape::Unsupported(name.clone()),
        }
    }

    /// Calls `visit` for every record that one value of this shape holds.
    pub(crate) fn each_record<'a>(&'a self, visit: &mut dyn FnMut(&'a Record)) {
        match self {
            Shape::List(inner) | Shape::Option(inner) | Shape::NestedOption(inner) => {
                inner.each_record(visit)
            }
            Shape::Record(record) => {
                visit(record);
                record
                    .fields
                    .iter()
                    .for_each(|(_, shape)| shape.each_record(visit));
            }
            Shape::Tuple(shapes) => shapes.iter().for_each(|shape| shape.each_record(visit)),
            Shape::Variant(cases) => cases
                .iter()
                .filter_map(|case| case.1.as_ref())
                .for_each(|s| s.each_record(visit)),
            Shape::Result(ok, err) => ok
                .iter()
                .chain(err)
                .for_each(|shape| shape.each_record(visit)),
            _ => {}
        }
    }
}

impl Number {
    fn of(ty: &Type) -> Option<Number> {
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

    /// The same as the shape of one element.
    pub(crate) fn element(self) -> Shape {
        match self {
            Number::S8 => Shape::S8,
            Number::U8 => Shape::U8,
            Number::S16 => Shape::S16,
            Number::U16 => Shape::U16,
            Number::S32 => Shape::S32,
            Number::U32 => Shape::U32,
            Number::S64 => Shape::S64,
            Number::U64 => Shape::U64,
            Number::F32 => Shape::F32,
            Number::F64 => Shape::F64,
        }
    }
}
