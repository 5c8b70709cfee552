//! Pages' bytes as UTF-8, for JavaScript.

use crate::failure;
use crate::js::{Js, JsResult, Kind, Raw, TypedArray};
use napi::bindgen_prelude::{AsyncTask, Buffer, Either, Unknown};
use napi::sys::TypedarrayType;
use napi::{Env, JsValue, Task};
use napi_derive::napi;
use riptide_encoding::{charset_of, to_utf8};
use riptide_wasm_runtime::error::{Error, ErrorCode};
use std::borrow::Cow;
use std::panic::catch_unwind;

/// The most bytes that are decoded on JavaScript's thread: it takes less than a millisecond, and a thread of the pool would
/// take longer to be woken and heard than most pages of this size do.
const MOST_AT_ONCE: usize = 64 * 1024;

/// A large page, decoded on a thread of Node's pool.
pub(crate) struct DecodePage {
    bytes: Vec<u8>,
    content_type: Option<String>,
}

impl Task for DecodePage {
    type Output = Vec<u8>;
    type JsValue = Buffer;

    fn compute(&mut self) -> napi::Result<Vec<u8>> {
        let bytes = std::mem::take(&mut self.bytes);
        let content_type = self.content_type.take();
        // A panic must not unwind into Node.
        catch_unwind(|| decoded(bytes, content_type.as_deref()))
            .map_err(|_| napi::Error::from_reason("decoding a page panicked"))
    }

    /// Hands the bytes over without a copy, where Node has buffers whose bytes are elsewhere.
    fn resolve(&mut self, _env: Env, bytes: Vec<u8>) -> napi::Result<Buffer> {
        Ok(bytes.into())
    }
}

/// A page's bytes as UTF-8, without a byte order mark. A page of up to 64 KiB is decoded at once, and is the same bytes
/// where they are UTF-8 already; a larger one is copied, and decoded off the event loop.
#[napi(
    ts_args_type = "bytes: Uint8Array, contentType?: string",
    ts_return_type = "Uint8Array | Promise<Uint8Array>"
)]
pub(crate) fn decode_page(
    env: Env,
    bytes: Unknown,
    content_type: Option<String>,
) -> napi::Result<Either<Raw, AsyncTask<DecodePage>>> {
    // SAFETY: napi gave the environment for this call.
    let js = unsafe { Js::new(env.raw()) };
    failure::throwing(js, || {
        let array = page_bytes(js, bytes.raw())?;
        if array.length <= MOST_AT_ONCE {
            let page = decoded_now(js, bytes.raw(), &array, content_type.as_deref())?;
            return Ok(Either::A(page));
        }
        Ok(Either::B(AsyncTask::new(DecodePage {
            bytes: array.copy()?,
            content_type,
        })))
    })
}

fn page_bytes(js: Js, value: Raw) -> JsResult<TypedArray> {
    let received = if js.kind(value)? == Kind::Object
        && let Some(array) = js.as_typed_array(value)?
        && array.kind == TypedarrayType::uint8_array
    {
        if array.length > 0 || !js.is_detached(array.buffer).unwrap_or(false) {
            return Ok(array);
        }
        "a Uint8Array whose buffer is detached"
    } else {
        "another value"
    };
    let message = format!("html: expected a Uint8Array, received {received}");
    Err(Error::new(ErrorCode::BadArgument, message)
        .text("path", "html")
        .text("expected", "a Uint8Array")
        .text("received", received)
        .into())
}

fn decoded_now(
    js: Js,
    given: Raw,
    array: &TypedArray,
    content_type: Option<&str>,
) -> JsResult<Raw> {
    if array.length == 0 {
        return Ok(given);
    }
    let label = content_type.and_then(charset_of);
    if !js.is_array_buffer(array.buffer)? {
        // Another thread may write to it: what is decoded, and what is returned, is one copy.
        return js.buffer(to_utf8(&array.copy::<u8>()?, label).as_bytes());
    }
    // SAFETY: Node-API gave the address and length of the array's bytes, of which there is at least one. They stay where
    // they are and as they are while this reference lives: no JavaScript runs meanwhile on this thread, and no other thread
    // has an `ArrayBuffer`.
    let bytes = unsafe { std::slice::from_raw_parts(array.data, array.length) };
    match to_utf8(bytes, label) {
        Cow::Borrowed(page) if page.len() == bytes.len() => Ok(given),
        Cow::Borrowed(page) => {
            let mark = bytes.len() - page.len();
            js.view(array.buffer, array.offset + mark, page.len())
        }
        Cow::Owned(page) => js.buffer(page.as_bytes()),
    }
}

/// The same bytes where they are UTF-8 already, without their byte order mark.
fn decoded(mut bytes: Vec<u8>, content_type: Option<&str>) -> Vec<u8> {
    let length = match to_utf8(&bytes, content_type.and_then(charset_of)) {
        Cow::Owned(page) => return page.into_bytes(),
        Cow::Borrowed(page) => page.len(),
    };
    bytes.drain(..bytes.len() - length);
    bytes
}
