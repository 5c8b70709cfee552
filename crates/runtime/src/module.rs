//! Compiled code: what it exports and imports, and how a caller's name finds a function.

use crate::cache::{Guest, Tier};
use crate::compile::Compiled;
use crate::engine::Engine;
use crate::error::{Error, ErrorCode, Result};
use crate::value::FunctionType;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use wasmtime::ExternType;
use wasmtime::component::ComponentExportIndex;
use wasmtime::component::types::ComponentItem;

pub use crate::compile::{Kind, wat2wasm};

/// Where code comes from.
pub enum Source {
    /// A file.
    Path(PathBuf),
    /// The bytes of one.
    Bytes(Vec<u8>),
}

/// Something that code exports.
#[derive(Clone, Debug)]
pub struct Export {
    /// `add`, or `riptide:extractor/extract@1.0.0#extract` inside an interface.
    pub name: String,
    /// `function`, `memory`, `table`, `global`, `tag`, `interface`, `type` and so on.
    pub kind: &'static str,
    /// The type of a function.
    pub function: Option<FunctionType>,
}

/// Something that code imports: named `module#name`, or `package/interface#name`.
pub type Import = Export;

/// An exported function.
pub struct Function {
    /// Its full name.
    pub name: String,
    /// Its type.
    pub ty: FunctionType,
    pub(crate) target: Target,
}

/// How an instance finds the function, without a search by name.
pub(crate) enum Target {
    Core(wasmtime::ModuleExport),
    Component(ComponentExportIndex),
}

/// A compiled module or component of an engine.
#[derive(Clone)]
pub struct Code(Arc<Inner>);

struct Inner {
    engine: Engine,
    compiled: Compiled,
    tier: Tier,
    load_millis: f64,
    started: AtomicBool,
    exports: Vec<Export>,
    imports: Vec<Import>,
    functions: Vec<Arc<Function>>,
    by_name: HashMap<String, Lookup>,
}

/// What a name stands for.
enum Lookup {
    One(usize),
    Several(Vec<usize>),
}

impl Code {
    /// Reads and compiles; blocks.
    pub(crate) fn load(
        engine: &Engine,
        source: &Source,
        expected: Option<Kind>,
        asked: Instant,
    ) -> Result<Code> {
        let guest = match source {
            Source::Bytes(bytes) => Guest::Bytes(bytes.into()),
            Source::Path(path) => Guest::open(path)?,
        };
        let core = engine.core();
        let loaded = core.cache.load_guest(&core.wasmtime, &guest, expected)?;
        core.count_lookup(loaded.tier);
        Ok(Code::new(engine, loaded.compiled, loaded.tier, asked))
    }

    fn new(engine: &Engine, compiled: Compiled, tier: Tier, asked: Instant) -> Code {
        let mut exports = Vec::new();
        let mut imports = Vec::new();
        let mut functions = Vec::new();
        match &compiled {
            Compiled::Module(module) => {
                for export in module.exports() {
                    let item = of_core(export.name().to_owned(), &export.ty());
                    if let (Some(ty), Some(index)) =
                        (&item.function, module.get_export_index(export.name()))
                    {
                        functions.push((item.name.clone(), ty.clone(), Target::Core(index)));
                    }
                    exports.push(item);
                }
                for import in module.imports() {
                    imports.push(of_core(
                        format!("{}#{}", import.module(), import.name()),
                        &import.ty(),
                    ));
                }
            }
            Compiled::Component(component) => {
                let wasmtime = &engine.core().wasmtime;
                let ty = component.component_type();
                for (name, item) in ty.exports(wasmtime) {
                    let Some(index) = component.get_export_index(None, name) else {
                        continue;
                    };
                    let interface =
                        each_item(wasmtime, name, item.ty, &mut |item| exports.push(item));
                    for (inner, ty) in interface {
                        let found = if inner.is_empty() {
                            Some(index)
                        } else {
                            component.get_export_index(Some(&index), inner.as_str())
                        };
                        let full = if inner.is_empty() {
                            name.to_owned()
                        } else {
                            format!("{name}#{inner}")
                        };
                        if let Some(index) = found {
                            functions.push((full, ty, Target::Component(index)));
                        }
                    }
                }
                for (name, item) in ty.imports(wasmtime) {
                    each_item(wasmtime, name, item.ty, &mut |item| imports.push(item));
                }
            }
        }
        let functions: Vec<_> = functions
            .into_iter()
            .map(|(name, ty, target)| Arc::new(Function { name, ty, target }))
            .collect();
        Code(Arc::new(Inner {
            engine: engine.clone(),
            tier,
            started: AtomicBool::new(false),
            by_name: index(&functions),
            exports,
            imports,
            functions,
            load_millis: asked.elapsed().as_secs_f64() * 1e3,
            compiled,
        }))
    }

    /// Whether it is a module or a component.
    pub fn kind(&self) -> Kind {
        match self.0.compiled {
            Compiled::Module(_) => Kind::Module,
            Compiled::Component(_) => Kind::Component,
        }
    }

    /// What it exports.
    pub fn exports(&self) -> &[Export] {
        &self.0.exports
    }

    /// What it imports.
    pub fn imports(&self) -> &[Import] {
        &self.0.imports
    }

    /// Whether the load was answered without compiling.
    pub fn cache_hit(&self) -> bool {
        self.0.tier != Tier::Compiled
    }

    /// How long the load took, in milliseconds.
    pub fn load_millis(&self) -> f64 {
        self.0.load_millis
    }

    /// Finds a function by its full name, or by its own name, in kebab-case or camelCase, where no
    /// other export has it.
    ///
    /// # Errors
    /// `ERR_MISSING_EXPORT` where none or several match, `ERR_UNSUPPORTED` for types that do not cross.
    pub fn function(&self, name: &str) -> Result<Arc<Function>> {
        let names = |indices: &[usize]| {
            indices
                .iter()
                .map(|&index| self.0.functions[index].name.clone())
                .collect()
        };
        let missing = |message: String, exports: Vec<String>| {
            Err(Error::new(ErrorCode::MissingExport, message)
                .text("name", name)
                .list("exports", exports))
        };
        match self.0.by_name.get(name) {
            Some(Lookup::One(index)) => supported(&self.0.functions[*index]),
            Some(Lookup::Several(indices)) => {
                let exports: Vec<String> = names(indices);
                missing(
                    format!(
                        "several exports are called {name:?}: {}",
                        exports.join(", ")
                    ),
                    exports,
                )
            }
            None => {
                let all: Vec<usize> = (0..self.0.functions.len()).collect();
                missing(
                    format!("no exported function is called {name:?}"),
                    names(&all),
                )
            }
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Which tier of the cache it came from.
    pub(crate) fn tier(&self) -> Tier {
        self.0.tier
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        &self.0.compiled
    }

    /// Notes that an instance is ready, `millis` after it was asked for. The first one completes
    /// the cold start: the load and the making of the instance, without the caller's time between.
    pub(crate) fn note_instance(&self, millis: f64) -> Option<f64> {
        if self.0.started.swap(true, Ordering::Relaxed) {
            return None;
        }
        let total = self.0.load_millis + millis;
        self.0.engine.core().note_start(total, self.cache_hit());
        Some(total)
    }
}

/// Refuses a function whose values cannot cross, before its guest runs for nothing.
fn supported(function: &Arc<Function>) -> Result<Arc<Function>> {
    match function.ty.unsupported() {
        None => Ok(function.clone()),
        Some(feature) => {
            let message = format!(
                "{} takes or gives a value that cannot cross yet: {feature}",
                function.name
            );
            Err(Error::new(ErrorCode::Unsupported, message).text("feature", feature))
        }
    }
}

fn of_core(name: String, ty: &ExternType) -> Export {
    let (kind, function) = match ty {
        ExternType::Func(ty) => ("function", Some(FunctionType::from_core(ty))),
        ExternType::Global(_) => ("global", None),
        ExternType::Table(_) => ("table", None),
        ExternType::Memory(_) => ("memory", None),
        ExternType::Tag(_) => ("tag", None),
    };
    Export {
        name,
        kind,
        function,
    }
}

/// Reports an item and, for an interface, what is in it. Returns the functions found by their name
/// inside the interface (empty for a function that stands by itself).
fn each_item(
    engine: &wasmtime::Engine,
    name: &str,
    item: ComponentItem,
    report: &mut dyn FnMut(Export),
) -> Vec<(String, FunctionType)> {
    let mut functions = Vec::new();
    match item {
        ComponentItem::ComponentInstance(instance) => {
            for (inner, item) in instance.exports(engine) {
                let full = format!("{name}#{inner}");
                let item = of_component(full, &item.ty);
                if let Some(ty) = &item.function {
                    functions.push((inner.to_owned(), ty.clone()));
                }
                report(item);
            }
        }
        item => {
            let item = of_component(name.to_owned(), &item);
            if let Some(ty) = &item.function {
                functions.push((String::new(), ty.clone()));
            }
            report(item);
        }
    }
    functions
}

fn of_component(name: String, item: &ComponentItem) -> Export {
    let (kind, function) = match item {
        ComponentItem::ComponentFunc(ty) => ("function", Some(FunctionType::from_component(ty))),
        ComponentItem::CoreFunc(_) => ("core function", None),
        ComponentItem::Module(_) => ("module", None),
        ComponentItem::Component(_) => ("component", None),
        ComponentItem::ComponentInstance(_) => ("interface", None),
        ComponentItem::Type(_) => ("type", None),
        ComponentItem::Resource(_) => ("resource", None),
    };
    Export {
        name,
        kind,
        function,
    }
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
    // Last: a full name always means its own function.
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

/// `get-info` as JavaScript writes it: `getInfo`.
pub fn camel_case(kebab: &str) -> String {
    let mut camel = String::with_capacity(kebab.len());
    for (position, word) in kebab.split('-').enumerate() {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if position > 0 => camel.extend(first.to_uppercase()),
            Some(first) => camel.extend(first.to_lowercase()),
            None => {}
        }
        camel.push_str(letters.as_str());
    }
    camel
}
