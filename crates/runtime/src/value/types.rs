//! The type of a value or function, read once from compiled code.

use std::fmt;
use std::sync::Arc;
use wasmtime::component::types;

/// The type of a value: the component model's, plus the two integers of core WebAssembly.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Core `i32`: signed on the way out, either sign on the way in.
    I32,
    /// Core `i64`: signed on the way out, either sign on the way in.
    I64,
    /// `bool`
    Bool,
    /// `s8`
    S8,
    /// `u8`
    U8,
    /// `s16`
    S16,
    /// `u16`
    U16,
    /// `s32`
    S32,
    /// `u32`
    U32,
    /// `s64`
    S64,
    /// `u64`
    U64,
    /// `f32`
    F32,
    /// `f64`
    F64,
    /// `char`
    Char,
    /// `string`
    String,
    /// `list<T>`
    List(Arc<Type>),
    /// `record`
    Record(Arc<[Field]>),
    /// `tuple`
    Tuple(Arc<[Type]>),
    /// `variant`
    Variant(Arc<[Case]>),
    /// `enum`: the labels as WIT writes them.
    Enum(Arc<[String]>),
    /// `flags`: the labels as WIT writes them.
    Flags(Arc<[String]>),
    /// `option<T>`
    Option(Arc<Type>),
    /// `result<T, E>`
    Result(Option<Arc<Type>>, Option<Arc<Type>>),
    /// A type that cannot cross yet, by name (`own<blob>`, `v128`, `externref`).
    Unsupported(String),
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name as WIT writes it (kebab-case).
    pub name: String,
    /// The field's type.
    pub ty: Type,
}

/// A case of a variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The name as WIT writes it (kebab-case).
    pub name: String,
    /// What the case carries, if anything.
    pub ty: Option<Type>,
}

/// The type of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionType {
    /// Parameters with their names (empty names for core functions).
    pub params: Vec<Field>,
    /// Results: none or one for a component's function, any number for a core one.
    pub results: Vec<Type>,
}

impl Type {
    /// Reads a component's type.
    pub fn from_component(ty: &types::Type) -> Type {
        let unsupported = |name: &str| Type::Unsupported(name.to_owned());
        match ty {
            types::Type::Bool => Type::Bool,
            types::Type::S8 => Type::S8,
            types::Type::U8 => Type::U8,
            types::Type::S16 => Type::S16,
            types::Type::U16 => Type::U16,
            types::Type::S32 => Type::S32,
            types::Type::U32 => Type::U32,
            types::Type::S64 => Type::S64,
            types::Type::U64 => Type::U64,
            types::Type::Float32 => Type::F32,
            types::Type::Float64 => Type::F64,
            types::Type::Char => Type::Char,
            types::Type::String => Type::String,
            types::Type::List(list) => Type::List(Arc::new(Type::from_component(&list.ty()))),
            types::Type::Record(record) => {
                let field = |field: types::Field<'_>| Field {
                    name: field.name.to_owned(),
                    ty: Type::from_component(&field.ty),
                };
                Type::Record(record.fields().map(field).collect())
            }
            types::Type::Tuple(tuple) => {
                Type::Tuple(tuple.types().map(|ty| Type::from_component(&ty)).collect())
            }
            types::Type::Variant(variant) => {
                let case = |case: types::Case<'_>| Case {
                    name: case.name.to_owned(),
                    ty: case.ty.as_ref().map(Type::from_component),
                };
                Type::Variant(variant.cases().map(case).collect())
            }
            types::Type::Enum(labels) => Type::Enum(labels.names().map(str::to_owned).collect()),
            types::Type::Flags(labels) => Type::Flags(labels.names().map(str::to_owned).collect()),
            types::Type::Option(option) => {
                Type::Option(Arc::new(Type::from_component(&option.ty())))
            }
            types::Type::Result(result) => {
                let side =
                    |ty: Option<types::Type>| ty.map(|ty| Arc::new(Type::from_component(&ty)));
                Type::Result(side(result.ok()), side(result.err()))
            }
            types::Type::Map(map) => Type::Unsupported(format!(
                "map<{}, {}>",
                Type::from_component(&map.key()),
                Type::from_component(&map.value())
            )),
            types::Type::FixedLengthList(list) => Type::Unsupported(format!(
                "list<{}, {}>",
                Type::from_component(&list.ty()),
                list.len()
            )),
            types::Type::Own(_) => unsupported("own<resource>"),
            types::Type::Borrow(_) => unsupported("borrow<resource>"),
            types::Type::Future(_) => unsupported("future"),
            types::Type::Stream(_) => unsupported("stream"),
            types::Type::ErrorContext => unsupported("error-context"),
        }
    }

    /// Reads a core type.
    pub fn from_core(ty: &wasmtime::ValType) -> Type {
        match ty {
            wasmtime::ValType::I32 => Type::I32,
            wasmtime::ValType::I64 => Type::I64,
            wasmtime::ValType::F32 => Type::F32,
            wasmtime::ValType::F64 => Type::F64,
            other => Type::Unsupported(other.to_string()),
        }
    }

    /// The first type inside this one, or itself, that cannot cross, by name.
    pub fn unsupported(&self) -> Option<&str> {
        match self {
            Type::Unsupported(name) => Some(name),
            Type::List(ty) | Type::Option(ty) => ty.unsupported(),
            Type::Record(fields) => fields.iter().find_map(|field| field.ty.unsupported()),
            Type::Tuple(types) => types.iter().find_map(Type::unsupported),
            Type::Variant(cases) => cases
                .iter()
                .find_map(|case| case.ty.as_ref()?.unsupported()),
            Type::Result(ok, err) => [ok, err]
                .into_iter()
                .flatten()
                .find_map(|ty| ty.unsupported()),
            _ => None,
        }
    }
}

impl FunctionType {
    /// Reads the type of a component's function.
    pub fn from_component(ty: &types::ComponentFunc) -> FunctionType {
        let field = |(name, ty): (&str, types::Type)| Field {
            name: name.to_owned(),
            ty: Type::from_component(&ty),
        };
        FunctionType {
            params: ty.params().map(field).collect(),
            results: ty.results().map(|ty| Type::from_component(&ty)).collect(),
        }
    }

    /// Reads the type of a core module's function.
    pub fn from_core(ty: &wasmtime::FuncType) -> FunctionType {
        let field = |ty| Field {
            name: String::new(),
            ty: Type::from_core(&ty),
        };
        FunctionType {
            params: ty.params().map(field).collect(),
            results: ty.results().map(|ty| Type::from_core(&ty)).collect(),
        }
    }

    /// The first type of the signature that cannot cross, by name. Ask once, before the function is offered:
    /// a call finds an unsupported result only after the guest has run.
    pub fn unsupported(&self) -> Option<&str> {
        let params = self.params.iter().map(|field| &field.ty);
        params.chain(&self.results).find_map(Type::unsupported)
    }
}

/// Writes a type as WIT would; a record, variant, enum or flags is written out, since its name is not kept.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Type::I32 => "i32",
            Type::I64 => "i64",
            Type::Bool => "bool",
            Type::S8 => "s8",
            Type::U8 => "u8",
            Type::S16 => "s16",
            Type::U16 => "u16",
            Type::S32 => "s32",
            Type::U32 => "u32",
            Type::S64 => "s64",
            Type::U64 => "u64",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::Char => "char",
            Type::String => "string",
            Type::Unsupported(name) => name,
            Type::List(ty) => return write!(f, "list<{ty}>"),
            Type::Option(ty) => return write!(f, "option<{ty}>"),
            Type::Record(fields) => return braces(f, "record", fields),
            Type::Variant(cases) => return braces(f, "variant", cases),
            Type::Enum(labels) => return braces(f, "enum", labels),
            Type::Flags(labels) => return braces(f, "flags", labels),
            Type::Tuple(types) => {
                f.write_str("tuple<")?;
                separated(f, types)?;
                return f.write_str(">");
            }
            Type::Result(ok, err) => {
                return match (ok, err) {
                    (None, None) => f.write_str("result"),
                    (Some(ok), None) => write!(f, "result<{ok}>"),
                    (None, Some(err)) => write!(f, "result<_, {err}>"),
                    (Some(ok), Some(err)) => write!(f, "result<{ok}, {err}>"),
                };
            }
        };
        f.write_str(name)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.ty)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.ty {
            Some(ty) => write!(f, "{}({ty})", self.name),
            None => f.write_str(&self.name),
        }
    }
}

fn braces<T: fmt::Display>(f: &mut fmt::Formatter<'_>, word: &str, items: &[T]) -> fmt::Result {
    write!(f, "{word} {{ ")?;
    separated(f, items)?;
    f.write_str(" }")
}

fn separated<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(f, "{comma}{item}")?;
    }
    Ok(())
}
