//! Key strings of records in lists: made once for a list instead of once for each record.

use crate::js::{Js, JsResult, Raw};
use riptide_wasm_runtime::value::{Field, Type};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// The fewest elements with which a list shares its keys.
const FROM: usize = 4;

/// How many parts of the element's type are visited, for each element of the list: types share parts, and walking all
/// of them could take for ever. Records beyond that have their keys made each time.
const PARTS_AN_ELEMENT: usize = 64;

/// The key strings of one conversion, by record. Most conversions have none, and make no map.
#[derive(Default)]
pub(crate) struct Keys(Option<HashMap<*const Field, Rc<[Raw]>>>);

/// The records whose keys a list made.
pub(crate) type Made = Vec<*const Field>;

impl Keys {
    /// Makes the keys of the records in a list, in the current handle scope. Call [`Keys::end`] before that scope ends.
    pub(crate) fn share(&mut self, js: Js, element: &Type, length: usize) -> JsResult<Made> {
        let mut made = Vec::new();
        if length >= FROM {
            let mut left = length.saturating_mul(PARTS_AN_ELEMENT);
            self.make(js, element, &mut left, &mut made)?;
        }
        Ok(made)
    }

    /// Forgets the keys that a list made, before their scope ends.
    pub(crate) fn end(&mut self, made: Made) {
        if let Some(keys) = &mut self.0 {
            for record in made {
                keys.remove(&record);
            }
        }
    }

    /// The keys of a record, if they are shared.
    pub(crate) fn of(&self, fields: &Arc<[Field]>) -> Option<Rc<[Raw]>> {
        self.0.as_ref()?.get(&fields.as_ptr()).cloned()
    }

    fn make(&mut self, js: Js, ty: &Type, left: &mut usize, made: &mut Made) -> JsResult<()> {
        let parts = match ty {
            Type::Record(fields) => fields.len(),
            Type::Tuple(types) => types.len(),
            Type::Variant(cases) => cases.len(),
            Type::List(_) | Type::Option(_) | Type::Result(..) => 1,
            _ => return Ok(()),
        };
        let Some(less) = left.checked_sub(parts) else {
            *left = 0;
            return Ok(());
        };
        *left = less;
        match ty {
            Type::Record(fields) => {
                // A list around this one has made these keys, and those of the records inside.
                let known = self.0.get_or_insert_default();
                if known.contains_key(&fields.as_ptr()) {
                    return Ok(());
                }
                let keys = fields.iter().map(|field| js.string(field.name.camel()));
                known.insert(fields.as_ptr(), keys.collect::<JsResult<_>>()?);
                made.push(fields.as_ptr());
                fields
                    .iter()
                    .try_for_each(|field| self.make(js, &field.ty, left, made))
            }
            Type::Tuple(types) => types
                .iter()
                .try_for_each(|ty| self.make(js, ty, left, made)),
            Type::Variant(cases) => cases
                .iter()
                .filter_map(|case| case.ty.as_ref())
                .try_for_each(|ty| self.make(js, ty, left, made)),
            Type::List(ty) | Type::Option(ty) => self.make(js, ty, left, made),
            Type::Result(ok, err) => [ok, err]
                .into_iter()
                .flatten()
                .try_for_each(|ty| self.make(js, ty, left, made)),
            _ => Ok(()),
        }
    }
}
