//! The exports and imports of code, and the functions that names stand for.

use super::form::Form;
use crate::abi::TypeReader;
use crate::error::Result;
use crate::value::{FunctionType, camel_case};
use std::collections::HashMap;
use std::sync::Arc;
use wasmtime::ExternType;
use wasmtime::component::types::{self, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex};

/// Something that code exports.
#[derive(Clone, Debug)]
pub struct Export {
    /// `add`, or `riptide:extractor/extract@1.0.0#extract` inside an interface.
    pub name: String,
    /// `function`, `memory`, `table`, `global`, `tag`, `interface`, `type` and so on.
    pub kind: &'static str,
    /// The type of a function.
    pub function: Option<Arc<FunctionType>>,
}

/// Something that code imports: named `module#name`, or `package/interface#name`.
pub type Import = Export;

/// An exported function.
pub struct Function {
    /// Its full name.
    pub name: String,
    /// Its type.
    pub ty: Arc<FunctionType>,
    pub(crate) target: Target,
}

/// How an instance finds the function, without a search by name.
pub(crate) enum Target {
    Core(wasmtime::ModuleExport),
    Component(ComponentExportIndex),
}

/// The exports and imports of code.
pub struct Description {
    pub(crate) exports: Vec<Export>,
    pub(crate) imports: Vec<Import>,
    pub(crate) functions: Vec<Arc<Function>>,
    /// Functions by each of their names.
    pub(crate) by_name: HashMap<String, Lookup>,
    /// Imports by their full names, and by those without the version of their interface.
    pub(crate) imports_by_name: HashMap<String, Lookup>,
}

/// What a name stands for.
pub(crate) enum Lookup {
    One(usize),
    Several(Vec<usize>),
}

impl Lookup {
    pub(crate) fn indices(&self) -> &[usize] {
        match self {
            Lookup::One(index) => std::slice::from_ref(index),
            Lookup::Several(indices) => indices,
        }
    }
}

/// Bytes that an export counts for: itself, its function, and its entries under up to three names. All these names have
/// at most `NAMES` times the bytes of one.
const EXPORT_BYTES: usize = 256;
const NAMES: usize = 4;

/// Bytes that an import counts for. It takes as little memory as an export, but each is looked up again whenever a pool
/// is made, on the event loop: with this count, as many as the limit allows take some milliseconds.
const IMPORT_BYTES: usize = 3072;

/// Bytes that each parameter and result of a module's imported function adds: Wasmtime goes through them when it links
/// the function, even if many imports share a type.
const IMPORT_VALUE_BYTES: usize = 128;

/// Reads exports and imports, up to a limit of the memory that they take.
struct Reader {
    types: TypeReader,
    exports: Vec<Export>,
    imports: Vec<Import>,
    functions: Vec<Arc<Function>>,
}

impl Description {
    /// What it exports.
    pub fn exports(&self) -> &[Export] {
        &self.exports
    }

    /// What it imports.
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// `limit`: how many bytes it may take.
    pub(super) fn of(form: &Form, limit: u64) -> Result<Description> {
        let mut reader = Reader {
            types: TypeReader::new(limit),
            exports: Vec::new(),
            imports: Vec::new(),
            functions: Vec::new(),
        };
        let component = match form {
            Form::Module(module) => {
                reader.module(module)?;
                false
            }
            Form::Component(component) => {
                reader.component(component)?;
                true
            }
        };
        Ok(Description {
            by_name: index(&reader.functions),
            imports_by_name: index_imports(&reader.imports, component),
            exports: reader.exports,
            imports: reader.imports,
            functions: reader.functions,
        })
    }
}

impl Reader {
    fn module(&mut self, module: &wasmtime::Module) -> Result<()> {
        for export in module.exports() {
            self.count(EXPORT_BYTES, &[export.name()])?;
            let item = self.core_item(export.name().to_owned(), &export.ty())?;
            if let (Some(ty), Some(index)) =
                (&item.function, module.get_export_index(export.name()))
            {
                self.functions.push(Arc::new(Function {
                    name: item.name.clone(),
                    ty: ty.clone(),
                    target: Target::Core(index),
                }));
            }
            self.exports.push(item);
        }
        for import in module.imports() {
            let (outer, name) = (import.module(), import.name());
            let ty = import.ty();
            let values = match &ty {
                ExternType::Func(ty) => ty.params().len() + ty.results().len(),
                _ => 0,
            };
            self.count(IMPORT_BYTES + IMPORT_VALUE_BYTES * values, &[outer, name])?;
            let item = self.core_item(format!("{outer}#{name}"), &ty)?;
            self.imports.push(item);
        }
        Ok(())
    }

    fn component(&mut self, component: &Component) -> Result<()> {
        let (engine, ty) = (component.engine(), component.component_type());
        for (name, item) in ty.exports(engine) {
            let Some(index) = component.get_export_index(None, name) else {
                continue;
            };
            let found = |inner: &str| match inner {
                "" => Some(index),
                inner => component.get_export_index(Some(&index), inner),
            };
            let export = (EXPORT_BYTES, name);
            self.each_item(&ty, engine, export, item.ty, &mut |reader, item, inner| {
                if let (Some(ty), Some(index)) = (&item.function, found(inner)) {
                    reader.functions.push(Arc::new(Function {
                        name: item.name.clone(),
                        ty: ty.clone(),
                        target: Target::Component(index),
                    }));
                }
                reader.exports.push(item);
            })?;
        }
        for (name, item) in ty.imports(engine) {
            let import = (IMPORT_BYTES, name);
            self.each_item(&ty, engine, import, item.ty, &mut |reader, item, _| {
                reader.imports.push(item);
            })?;
        }
        Ok(())
    }

    /// Reports an item or, for an interface, each item in it, with its name inside the interface. That name is empty
    /// for an item outside of any interface. Each item counts for `bytes` plus its names.
    fn each_item(
        &mut self,
        component: &types::Component,
        engine: &wasmtime::Engine,
        (bytes, name): (usize, &str),
        item: ComponentItem,
        report: &mut dyn FnMut(&mut Reader, Export, &str),
    ) -> Result<()> {
        let ComponentItem::ComponentInstance(instance) = item else {
            self.count(bytes, &[name])?;
            let item = self.component_item(component, name.to_owned(), &item)?;
            report(self, item, "");
            return Ok(());
        };
        for (inner, item) in instance.exports(engine) {
            self.count(bytes, &[name, inner])?;
            let item = self.component_item(component, format!("{name}#{inner}"), &item.ty)?;
            report(self, item, inner);
        }
        Ok(())
    }

    /// Counts the bytes of an item with this name.
    fn count(&mut self, bytes: usize, name: &[&str]) -> Result<()> {
        let length: usize = name.iter().map(|part| part.len()).sum();
        self.types.take(bytes + NAMES * length)
    }

    fn core_item(&mut self, name: String, ty: &ExternType) -> Result<Export> {
        let (kind, function) = match ty {
            ExternType::Func(ty) => ("function", Some(self.types.core(ty)?)),
            ExternType::Global(_) => ("global", None),
            ExternType::Table(_) => ("table", None),
            ExternType::Memory(_) => ("memory", None),
            ExternType::Tag(_) => ("tag", None),
        };
        Ok(Export {
            name,
            kind,
            function,
        })
    }

    fn component_item(
        &mut self,
        component: &types::Component,
        name: String,
        item: &ComponentItem,
    ) -> Result<Export> {
        let (kind, function) = match item {
            ComponentItem::ComponentFunc(ty) => {
                ("function", Some(self.types.component(component, ty)?))
            }
            ComponentItem::CoreFunc(_) => ("core function", None),
            ComponentItem::Module(_) => ("module", None),
            ComponentItem::Component(_) => ("component", None),
            ComponentItem::ComponentInstance(_) => ("interface", None),
            ComponentItem::Type(_) => ("type", None),
            ComponentItem::Resource(_) => ("resource", None),
        };
        Ok(Export {
            name,
            kind,
            function,
        })
    }
}

/// A component's imports also go by the name of their interface without its version. A module may import one name any
/// number of times: the first stands for all.
fn index_imports(imports: &[Import], component: bool) -> HashMap<String, Lookup> {
    let mut names = HashMap::new();
    for (index, import) in imports.iter().enumerate() {
        if !component {
            let name = import.name.clone();
            names.entry(name).or_insert(Lookup::One(index));
            continue;
        }
        add_short(&mut names, import.name.clone(), index);
        if let Some((interface, name)) = import.name.split_once('#')
            && let Some((unversioned, _)) = interface.split_once('@')
        {
            add_short(&mut names, format!("{unversioned}#{name}"), index);
        }
    }
    names
}

fn index(functions: &[Arc<Function>]) -> HashMap<String, Lookup> {
    let mut names: HashMap<String, Lookup> = HashMap::new();
    for (index, function) in functions.iter().enumerate() {
        if let Some((_, short)) = function.name.rsplit_once('#') {
            let camel = camel_case(short);
            if camel != short {
                add_short(&mut names, camel, index);
            }
            add_short(&mut names, short.to_owned(), index);
        } else {
            let camel = camel_case(&function.name);
            if camel != function.name {
                add_short(&mut names, camel, index);
            }
        }
    }
    // Full names are added last, so that each means its own function.
    for (index, function) in functions.iter().enumerate() {
        names.insert(function.name.clone(), Lookup::One(index));
    }
    names
}

fn add_short(names: &mut HashMap<String, Lookup>, name: String, index: usize) {
    match names.entry(name).or_insert(Lookup::One(index)) {
        Lookup::One(first) if *first == index => {}
        found @ Lookup::One(_) => {
            if let Lookup::One(first) = *found {
                *found = Lookup::Several(vec![first, index]);
            }
        }
        Lookup::Several(indices) => indices.push(index),
    }
}
