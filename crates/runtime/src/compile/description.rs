//! What code exports and imports, and which name stands for which function.

use super::Form;
use crate::value::FunctionType;
use std::collections::HashMap;
use std::sync::Arc;
use wasmtime::ExternType;
use wasmtime::component::ComponentExportIndex;
use wasmtime::component::types::ComponentItem;

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

/// What code offers and needs.
pub(crate) struct Description {
    pub(crate) exports: Vec<Export>,
    pub(crate) imports: Vec<Import>,
    pub(crate) functions: Vec<Arc<Function>>,
    pub(crate) by_name: HashMap<String, Lookup>,
}

/// What a name stands for.
pub(crate) enum Lookup {
    One(usize),
    Several(Vec<usize>),
}

impl Description {
    pub(super) fn of(form: &Form) -> Description {
        let mut exports = Vec::new();
        let mut imports = Vec::new();
        let mut functions = Vec::new();
        match form {
            Form::Module(module) => {
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
            Form::Component(component) => {
                let wasmtime = component.engine();
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
        Description {
            by_name: index(&functions),
            exports,
            imports,
            functions,
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
