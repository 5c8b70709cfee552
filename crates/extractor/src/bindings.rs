//! What `wit-bindgen` makes of `wit/extractor.wit`.

wit_bindgen::generate!({ world: "extractor", path: "wit" });

pub(crate) use exports::riptide::extractor::extract::*;
