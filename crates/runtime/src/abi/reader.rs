//! Types out of compiled code, each read once, and counted before it takes memory.
//!
//! Wasmtime's own view of a component's types gives each use of a type as a type of its own. The table behind that
//! view, [`ComponentTypes`], has each type once, by index, and is read here. Only Wasmtime's type check says which
//! indices a function's types have, to a type that implements [`ComponentType`]: here [`Probe`].

use super::component::tuple_of;
use super::lower::not_flat;
use crate::error::{Error, ErrorCode, Result};
use crate::value::{Case, Facts, Field, FunctionType, Label, Text, Type};
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Write;
use std::hash::{Hash, Hasher};
use std::mem::MaybeUninit;
use std::sync::Arc;
use wasmtime::component::__internal::wasmtime_environ::component::RecordField;
use wasmtime::component::__internal::{
    CanonicalAbiInfo, ComponentTypes, InstanceType, InterfaceType, LiftContext, LowerContext,
};
use wasmtime::component::{ComponentNamedList, ComponentType, Lift, Lower, types};
use wasmtime::{FuncType, ValRaw};

/// Bytes that a type takes besides its parts: counters, and its entries in tables.
const TYPE_BYTES: usize = 128;

/// Reads the types of one module's or component's functions, which share the types that are shared there.
pub struct TypeReader {
    limit: u64,
    left: u64,
    known: HashMap<InterfaceType, Type>,
    facts: Facts,
    functions: HashMap<Signature, Arc<FunctionType>>,
    core: HashMap<CoreSignature, Arc<FunctionType>>,
}

/// Identity of a component's function type: the lists of its parameters and results, and the address of the first
/// parameter's name, which no other function type has.
#[derive(PartialEq, Eq, Hash)]
struct Signature {
    lists: [InterfaceType; 2],
    names: *const u8,
}

/// A function type of a module.
struct CoreSignature(FuncType);

impl Hash for CoreSignature {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialEq for CoreSignature {
    fn eq(&self, other: &CoreSignature) -> bool {
        FuncType::eq(&self.0, &other.0)
    }
}

impl Eq for CoreSignature {}

impl TypeReader {
    /// `limit`: the most bytes that the types may take, together with those [taken](TypeReader::take) besides.
    pub fn new(limit: u64) -> TypeReader {
        TypeReader {
            limit,
            left: limit,
            known: HashMap::new(),
            facts: Facts::default(),
            functions: HashMap::new(),
            core: HashMap::new(),
        }
    }

    /// Counts bytes before they are allocated.
    ///
    /// # Errors
    /// [`ErrorCode::CompileLimit`].
    pub fn take(&mut self, bytes: usize) -> Result<()> {
        match self.left.checked_sub(bytes as u64) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(self.exceeded()),
        }
    }

    #[cold]
    fn exceeded(&self) -> Error {
        let message = format!(
            "the names and types of what the code imports and exports count for more bytes than they may (an import \
             for 3 KiB beside its name); `compile.maxTypeBytes` allows {}",
            self.limit
        );
        Error::new(ErrorCode::CompileLimit, message)
            .text("option", "compile.maxTypeBytes")
            .number("limit", self.limit as f64)
    }

    /// The type of a component's function.
    ///
    /// # Errors
    /// [`ErrorCode::CompileLimit`].
    pub fn component(
        &mut self,
        component: &types::Component,
        ty: &types::ComponentFunc,
    ) -> Result<Arc<FunctionType>> {
        let types = component.instance_type().types;
        let lists = lists(component, ty)?;
        let signature = Signature {
            lists,
            names: ty.params().next().map_or("", |(name, _)| name).as_ptr(),
        };
        if let Some(known) = self.functions.get(&signature) {
            return Ok(known.clone());
        }
        let list = |list| match tuple_of(types, list) {
            Ok(tuple) => Ok(&tuple.types),
            Err(_) => Err(unknown()),
        };
        let (params, results) = (list(lists[0])?, list(lists[1])?);
        self.take(
            TYPE_BYTES + size_of::<Field>() * params.len() + size_of::<Type>() * results.len(),
        )?;
        let params = ty
            .params()
            .zip(params)
            .map(|((name, _), ty)| self.field(types, name, *ty))
            .collect::<Result<_>>()?;
        let results = results
            .iter()
            .map(|ty| self.read(types, *ty))
            .collect::<Result<_>>()?;
        let made = Arc::new(FunctionType::with(params, results, &mut self.facts));
        self.functions.insert(signature, made.clone());
        Ok(made)
    }

    /// The type of a module's function.
    ///
    /// # Errors
    /// [`ErrorCode::CompileLimit`].
    pub fn core(&mut self, ty: &FuncType) -> Result<Arc<FunctionType>> {
        let signature = CoreSignature(ty.clone());
        if let Some(known) = self.core.get(&signature) {
            return Ok(known.clone());
        }
        let (params, results) = (ty.params().len(), ty.results().len());
        self.take(TYPE_BYTES + size_of::<Field>() * params + size_of::<Type>() * results)?;
        let made = Arc::new(FunctionType::from_core(ty));
        self.core.insert(signature, made.clone());
        Ok(made)
    }

    /// Reads one value's type. Its depth is bounded by the validator, which allows a hundred levels.
    fn read(&mut self, types: &ComponentTypes, ty: InterfaceType) -> Result<Type> {
        let composite = match ty {
            InterfaceType::Bool => return Ok(Type::Bool),
            InterfaceType::S8 => return Ok(Type::S8),
            InterfaceType::U8 => return Ok(Type::U8),
            InterfaceType::S16 => return Ok(Type::S16),
            InterfaceType::U16 => return Ok(Type::U16),
            InterfaceType::S32 => return Ok(Type::S32),
            InterfaceType::U32 => return Ok(Type::U32),
            InterfaceType::S64 => return Ok(Type::S64),
            InterfaceType::U64 => return Ok(Type::U64),
            InterfaceType::Float32 => return Ok(Type::F32),
            InterfaceType::Float64 => return Ok(Type::F64),
            InterfaceType::Char => return Ok(Type::Char),
            InterfaceType::String => return Ok(Type::String),
            composite => composite,
        };
        if let Some(known) = self.known.get(&composite) {
            return Ok(known.clone());
        }
        self.take(TYPE_BYTES)?;
        let read = self.composite(types, composite)?;
        self.known.insert(composite, read.clone());
        Ok(read)
    }

    fn composite(&mut self, types: &ComponentTypes, ty: InterfaceType) -> Result<Type> {
        Ok(match ty {
            InterfaceType::List(index) => Type::List(self.part(types, types[index].element)?),
            InterfaceType::Option(index) => Type::Option(self.part(types, types[index].ty)?),
            InterfaceType::Result(index) => {
                let ty = &types[index];
                let mut side =
                    |ty: Option<InterfaceType>| ty.map(|ty| self.part(types, ty)).transpose();
                let ok = side(ty.ok)?;
                Type::Result(ok, side(ty.err)?)
            }
            InterfaceType::Record(index) => {
                let fields = &types[index].fields;
                self.take(size_of::<Field>() * fields.len())?;
                let field = |field: &RecordField| self.field(types, &field.name, field.ty);
                Type::Record(fields.iter().map(field).collect::<Result<_>>()?)
            }
            InterfaceType::Tuple(index) => {
                let parts = &types[index].types;
                self.take(size_of::<Type>() * parts.len())?;
                let part = |ty: &InterfaceType| self.read(types, *ty);
                Type::Tuple(parts.iter().map(part).collect::<Result<_>>()?)
            }
            InterfaceType::Variant(index) => {
                let cases = &types[index].cases;
                self.take(size_of::<Case>() * cases.len())?;
                let case = |(name, ty): (&String, &Option<InterfaceType>)| {
                    self.take(name.len())?;
                    let ty = ty.map(|ty| self.read(types, ty)).transpose()?;
                    Ok(Case {
                        name: name.clone(),
                        ty,
                    })
                };
                Type::Variant(cases.iter().map(case).collect::<Result<_>>()?)
            }
            InterfaceType::Enum(index) => {
                let names = &types[index].names;
                self.take(size_of::<String>() * names.len())?;
                let label = |name: &String| {
                    self.take(name.len())?;
                    Ok(name.clone())
                };
                Type::Enum(names.iter().map(label).collect::<Result<_>>()?)
            }
            InterfaceType::Flags(index) => {
                let names = &types[index].names;
                self.take(size_of::<Label>() * names.len())?;
                let label = |name: &String| self.label(name);
                Type::Flags(names.iter().map(label).collect::<Result<_>>()?)
            }
            InterfaceType::Map(index) => {
                let map = &types[index];
                let (key, value) = (self.read(types, map.key)?, self.read(types, map.value)?);
                self.unsupported(format_args!("map<{key}, {value}>"))?
            }
            InterfaceType::FixedLengthList(index) => {
                let list = &types[index];
                let element = self.read(types, list.element)?;
                self.unsupported(format_args!("list<{element}, {}>", list.size))?
            }
            InterfaceType::Own(_) => self.unsupported(format_args!("own<resource>"))?,
            InterfaceType::Borrow(_) => self.unsupported(format_args!("borrow<resource>"))?,
            InterfaceType::Future(_) => self.unsupported(format_args!("future"))?,
            InterfaceType::Stream(_) => self.unsupported(format_args!("stream"))?,
            InterfaceType::ErrorContext(_) => self.unsupported(format_args!("error-context"))?,
            scalar => return self.read(types, scalar),
        })
    }

    fn part(&mut self, types: &ComponentTypes, ty: InterfaceType) -> Result<Arc<Type>> {
        self.read(types, ty).map(Arc::new)
    }

    fn field(&mut self, types: &ComponentTypes, name: &str, ty: InterfaceType) -> Result<Field> {
        Ok(Field {
            name: self.label(name)?,
            ty: self.read(types, ty)?,
        })
    }

    /// Both spellings of a name.
    fn label(&mut self, name: &str) -> Result<Label> {
        self.take(2 * name.len())?;
        Ok(Label::new(name))
    }

    fn unsupported(&mut self, name: std::fmt::Arguments<'_>) -> Result<Type> {
        let name = Text::of(|text| text.write_fmt(name));
        self.take(name.len())?;
        Ok(Type::Unsupported(name.into()))
    }
}

#[cold]
fn unknown() -> Error {
    Error::new(
        ErrorCode::Internal,
        "Wasmtime does not say what the types of a function are",
    )
}

thread_local! {
    /// The types of the last two type checks: a function's parameters, then its results.
    static CHECKED: Cell<[Option<InterfaceType>; 2]> = const { Cell::new([None; 2]) };
}

/// The lists of a function's parameters and results.
fn lists(component: &types::Component, ty: &types::ComponentFunc) -> Result<[InterfaceType; 2]> {
    CHECKED.set([None; 2]);
    let checked = ty.typecheck::<Probe, Probe>(&component.instance_type());
    match (checked, CHECKED.take()) {
        (Ok(()), [Some(params), Some(results)]) => Ok([params, results]),
        _ => Err(unknown()),
    }
}

/// Accepts every type in a type check, and notes it in [`CHECKED`]. Never lowered or lifted.
struct Probe;

// SAFETY: it has no core values, and neither lowering nor lifting gives any.
unsafe impl ComponentType for Probe {
    type Lower = [ValRaw; 0];
    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::ZERO;

    fn typecheck(ty: &InterfaceType, _: &InstanceType<'_>) -> wasmtime::Result<()> {
        let [_, last] = CHECKED.get();
        CHECKED.set([last, Some(*ty)]);
        Ok(())
    }
}

// SAFETY: both functions fail without writing.
unsafe impl Lower for Probe {
    fn linear_lower_to_flat<T>(
        &self,
        _: &mut LowerContext<'_, T>,
        _: InterfaceType,
        _: &mut MaybeUninit<Self::Lower>,
    ) -> wasmtime::Result<()> {
        Err(not_flat())
    }

    fn linear_lower_to_memory<T>(
        &self,
        _: &mut LowerContext<'_, T>,
        _: InterfaceType,
        _: usize,
    ) -> wasmtime::Result<()> {
        Err(not_flat())
    }
}

// SAFETY: both functions fail without reading.
unsafe impl Lift for Probe {
    fn linear_lift_from_flat(
        _: &mut LiftContext<'_>,
        _: InterfaceType,
        _: &Self::Lower,
    ) -> wasmtime::Result<Self> {
        Err(not_flat())
    }

    fn linear_lift_from_memory(
        _: &mut LiftContext<'_>,
        _: InterfaceType,
        _: &[u8],
    ) -> wasmtime::Result<Self> {
        Err(not_flat())
    }
}

// SAFETY: a list without values.
unsafe impl ComponentNamedList for Probe {}
