//! The bytes of HTML pages as UTF-8, as the HTML standard finds their encoding and the Encoding Standard decodes them.
//!
//! - `content_type`: the label in a `content-type` header;
//! - `label`: the encoding that a label names;
//! - `meta`: the encoding that a page declares in a `<meta>`;
//! - `xml`: the encoding that it declares in an XML declaration;
//! - `decode`: which of these decides, and the decoding.
//!
//! Every function takes time that is linear in the size of its input, whatever the input is.

mod content_type;
mod decode;
mod label;
mod meta;
mod xml;

pub use content_type::charset_of;
pub use decode::to_utf8;
