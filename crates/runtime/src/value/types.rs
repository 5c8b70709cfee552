//! The type of a value or function.
//!
//! Types share their parts, as a component's types do: a type of a few hundred bytes may unfold to millions of parts.
//! So no code walks all unfolded parts: [`Facts`] visits each shared part once, text is cut ([`Text`]), and conversions
//! follow a value.

use super::label::Label;
use super::text::Text;
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::Arc;

/// The type of a value: the component model's, plus the two integers of core WebAssembly. A clone shares the parts.
#[derive(Clone)]
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
    /// `flags`
    Flags(Arc<[Label]>),
    /// `option<T>`
    Option(Arc<Type>),
    /// `result<T, E>`
    Result(Option<Arc<Type>>, Option<Arc<Type>>),
    /// A type that cannot cross yet, by name (`own<blob>`, `v128`, `externref`).
    Unsupported(Arc<str>),
}

/// A field of a record.
#[derive(Clone)]
pub struct Field {
    /// Its name.
    pub name: Label,
    /// The field's type.
    pub ty: Type,
}

/// A case of a variant.
#[derive(Clone)]
pub struct Case {
    /// The name as WIT writes it (kebab-case).
    pub name: String,
    /// What the case carries, if anything.
    pub ty: Option<Type>,
}

/// The type of a function.
#[derive(Clone, Debug)]
pub struct FunctionType {
    /// Parameters with their names (empty names for core functions).
    pub params: Vec<Field>,
    /// Results: none or one for a component's function, any number for a core one.
    pub results: Vec<Type>,
    unsupported: Option<Arc<str>>,
    flat: [usize; 2],
}

impl Type {
    /// Reads a core type.
    pub fn from_core(ty: &wasmtime::ValType) -> Type {
        match ty {
            wasmtime::ValType::I32 => Type::I32,
            wasmtime::ValType::I64 => Type::I64,
            wasmtime::ValType::F32 => Type::F32,
            wasmtime::ValType::F64 => Type::F64,
            other => Type::Unsupported(other.to_string().into()),
        }
    }
}

impl FunctionType {
    /// Reads the type of a core module's function.
    pub fn from_core(ty: &wasmtime::FuncType) -> FunctionType {
        let field = |ty| Field {
            name: Label::new(""),
            ty: Type::from_core(&ty),
        };
        FunctionType::new(
            ty.params().map(field).collect(),
            ty.results().map(|ty| Type::from_core(&ty)).collect(),
        )
    }

    /// A function of these types.
    pub fn new(params: Vec<Field>, results: Vec<Type>) -> FunctionType {
        FunctionType::with(params, results, &mut Facts::default())
    }

    /// Like [`FunctionType::new`], with `facts` that may know some of the types already.
    pub(crate) fn with(params: Vec<Field>, results: Vec<Type>, facts: &mut Facts) -> FunctionType {
        let given = facts.all(params.iter().map(|field| &field.ty));
        let got = facts.all(results.iter());
        FunctionType {
            params,
            results,
            unsupported: given.unsupported.or(got.unsupported),
            flat: [given.flat, got.flat],
        }
    }

    /// The first type of the signature that cannot cross, by name. Ask once, before the function is offered:
    /// a call finds an unsupported result only after the guest has run.
    pub fn unsupported(&self) -> Option<&str> {
        self.unsupported.as_deref()
    }

    /// How many core values parameters and results flatten to.
    pub(crate) fn flat(&self) -> [usize; 2] {
        self.flat
    }

    /// Whether it gives a `result`, so that it can fail.
    pub fn is_fallible(&self) -> bool {
        matches!(self.results.as_slice(), [Type::Result(..)])
    }
}

/// Facts about a whole type.
#[derive(Clone, Default)]
pub(crate) struct Fact {
    /// How many core values it flattens to. A wrong answer fails Wasmtime's check when the component is linked.
    flat: usize,
    /// The first type in it that cannot cross.
    unsupported: Option<Arc<str>>,
}

/// Facts of types by the address of their parts, each found once. Holds only while those types are alive.
#[derive(Default)]
pub(crate) struct Facts(HashMap<*const (), Fact>);

impl Facts {
    fn of(&mut self, ty: &Type) -> Fact {
        let flat = |flat| Fact {
            flat,
            unsupported: None,
        };
        match ty {
            Type::Unsupported(name) => Fact {
                flat: 1,
                unsupported: Some(name.clone()),
            },
            Type::String => flat(2),
            Type::List(element) => Fact {
                flat: 2,
                ..self.part(element)
            },
            Type::Record(fields) => self.once(fields.as_ptr(), |facts| {
                facts.all(fields.iter().map(|field| &field.ty))
            }),
            Type::Tuple(types) => self.once(types.as_ptr(), |facts| facts.all(types.iter())),
            Type::Variant(cases) => self.once(cases.as_ptr(), |facts| {
                let types = cases.iter().filter_map(|case| case.ty.as_ref());
                let facts = types.map(|ty| facts.of(ty)).collect();
                widest(facts)
            }),
            Type::Option(ty) => widest(vec![self.part(ty)]),
            Type::Result(ok, err) => {
                let sides = [ok, err].into_iter().flatten();
                widest(sides.map(|ty| self.part(ty)).collect())
            }
            Type::Flags(labels) => flat(labels.len().div_ceil(32)),
            _ => flat(1),
        }
    }

    /// The fact of types that stand side by side, like a record's fields.
    fn all<'a>(&mut self, types: impl Iterator<Item = &'a Type>) -> Fact {
        let mut sum = Fact::default();
        for ty in types {
            let fact = self.of(ty);
            sum.flat = sum.flat.saturating_add(fact.flat);
            sum.unsupported = sum.unsupported.or(fact.unsupported);
        }
        sum
    }

    fn part(&mut self, ty: &Arc<Type>) -> Fact {
        self.once(Arc::as_ptr(ty), |facts| facts.of(ty))
    }

    fn once<T>(&mut self, part: *const T, find: impl FnOnce(&mut Facts) -> Fact) -> Fact {
        if let Some(known) = self.0.get(&part.cast()) {
            return known.clone();
        }
        let found = find(self);
        self.0.insert(part.cast(), found.clone());
        found
    }
}

/// The fact of alternatives, like a variant's cases: their core values overlap, behind the discriminant.
fn widest(facts: Vec<Fact>) -> Fact {
    let flat = facts.iter().map(|fact| fact.flat).max().unwrap_or(0);
    Fact {
        flat: flat.saturating_add(1),
        unsupported: facts.into_iter().find_map(|fact| fact.unsupported),
    }
}

impl Type {
    /// As WIT would; a record, variant, enum or flags is written out, since its name is not kept.
    fn write(&self, out: &mut Text) -> fmt::Result {
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
            Type::List(ty) => return inside(out, "list", &[ty]),
            Type::Option(ty) => return inside(out, "option", &[ty]),
            Type::Record(fields) => return braces(out, "record", fields, Field::write),
            Type::Variant(cases) => return braces(out, "variant", cases, Case::write),
            Type::Enum(labels) => {
                return braces(out, "enum", labels, |label, out| out.write_str(label));
            }
            Type::Flags(labels) => {
                return braces(out, "flags", labels, |label, out| {
                    out.write_str(label.as_str())
                });
            }
            Type::Tuple(types) => {
                out.write_str("tuple<")?;
                separated(out, types, Type::write)?;
                return out.write_str(">");
            }
            Type::Result(None, None) => "result",
            Type::Result(Some(ok), None) => return inside(out, "result", &[ok]),
            Type::Result(None, Some(err)) => {
                out.write_str("result<_, ")?;
                err.write(out)?;
                return out.write_str(">");
            }
            Type::Result(Some(ok), Some(err)) => return inside(out, "result", &[ok, err]),
        };
        out.write_str(name)
    }
}

impl Field {
    fn write(&self, out: &mut Text) -> fmt::Result {
        // Parameters of a core function have no names.
        if !self.name.as_str().is_empty() {
            write!(out, "{}: ", self.name)?;
        }
        self.ty.write(out)
    }
}

impl Case {
    fn write(&self, out: &mut Text) -> fmt::Result {
        out.write_str(&self.name)?;
        if let Some(ty) = &self.ty {
            out.write_str("(")?;
            ty.write(out)?;
            out.write_str(")")?;
        }
        Ok(())
    }
}

impl FunctionType {
    fn write(&self, out: &mut Text) -> fmt::Result {
        out.write_str("func(")?;
        separated(out, &self.params, Field::write)?;
        out.write_str(")")?;
        match self.results.as_slice() {
            [] => Ok(()),
            [one] => {
                out.write_str(" -> ")?;
                one.write(out)
            }
            several => {
                out.write_str(" -> (")?;
                separated(out, several, Type::write)?;
                out.write_str(")")
            }
        }
    }
}

fn inside(out: &mut Text, word: &str, types: &[&Arc<Type>]) -> fmt::Result {
    write!(out, "{word}<")?;
    separated(out, types, |ty, out| ty.write(out))?;
    out.write_str(">")
}

fn braces<T>(
    out: &mut Text,
    word: &str,
    items: &[T],
    write: impl Fn(&T, &mut Text) -> fmt::Result,
) -> fmt::Result {
    write!(out, "{word} {{ ")?;
    separated(out, items, write)?;
    out.write_str(" }")
}

fn separated<T>(
    out: &mut Text,
    items: &[T],
    write: impl Fn(&T, &mut Text) -> fmt::Result,
) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.write_str(", ")?;
        }
        write(item, out)?;
    }
    Ok(())
}

/// Writes as WIT would, up to [`MAX_TEXT_BYTES`](super::MAX_TEXT_BYTES).
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Text::of(|out| self.write(out)))
    }
}

/// Writes as WIT would, up to [`MAX_TEXT_BYTES`](super::MAX_TEXT_BYTES).
impl fmt::Display for FunctionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Text::of(|out| self.write(out)))
    }
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Text::of(|out| self.write(out)))
    }
}
