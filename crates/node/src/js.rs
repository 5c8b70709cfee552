//! Node-API's calls as Rust functions: one status check for each, no conversion of WIT values.

use napi::sys::{self, Status, ValueType};
use riptide_wasm_runtime::error::{Error, ErrorCode};
use std::ptr;

/// A JavaScript value; it lives as long as the handle scope that is open.
pub(crate) type Raw = sys::napi_value;

/// Why work with JavaScript values stopped.
#[derive(Debug)]
pub(crate) enum Fault {
    /// JavaScript threw: the exception is pending in the environment.
    Thrown,
    /// A failure with one of this package's codes.
    Failed(Box<Error>),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Failed(Box::new(error))
    }
}

/// The result of a step that works with JavaScript values.
pub(crate) type JsResult<T> = Result<T, Fault>;

/// The type of a JavaScript value, `null` apart from objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Undefined,
    Null,
    Boolean,
    Number,
    String,
    Symbol,
    Object,
    Function,
    BigInt,
    Other,
}

/// A view on the bytes of a typed array: valid until JavaScript runs again.
pub(crate) struct TypedArray {
    pub(crate) kind: sys::napi_typedarray_type,
    /// Elements, not bytes.
    pub(crate) length: usize,
    pub(crate) data: *const u8,
    pub(crate) buffer: Raw,
    /// Where in the buffer it begins, in bytes.
    pub(crate) offset: usize,
}

impl TypedArray {
    /// A copy of its elements, of which `T` must have the size.
    pub(crate) fn copy<T: Copy>(&self) -> JsResult<Vec<T>> {
        let mut copy: Vec<T> = Vec::new();
        if copy.try_reserve_exact(self.length).is_err() {
            let message = format!("no memory for a copy of {} elements", self.length);
            return Err(Error::new(ErrorCode::Internal, message).into());
        }
        if self.length > 0 {
            // SAFETY: Node-API gave the address and length of the array's bytes, and no JavaScript of this thread ran
            // since (the type's contract), so they are still there. `T` is a number of the array's element size, any
            // bits are one. Another thread may write to a shared buffer meanwhile: no reference to the bytes is made,
            // and what the copy holds then is the caller's race.
            unsafe {
                ptr::copy_nonoverlapping(
                    self.data,
                    copy.as_mut_ptr().cast::<u8>(),
                    self.length * size_of::<T>(),
                );
                copy.set_len(self.length);
            }
        }
        Ok(copy)
    }
}

/// The environment, on its own thread.
#[derive(Clone, Copy)]
pub(crate) struct Js(sys::napi_env);

/// Closes a handle scope when it is dropped.
pub(crate) struct Scope {
    env: sys::napi_env,
    scope: sys::napi_handle_scope,
}

impl Drop for Scope {
    fn drop(&mut self) {
        // SAFETY: the scope was opened on this environment by `Js::scope`, and scopes are dropped in reverse order.
        unsafe { sys::napi_close_handle_scope(self.env, self.scope) };
    }
}

#[cold]
fn fault(env: sys::napi_env, status: sys::napi_status) -> Fault {
    // Reading a property whose getter throws returns the status of a general failure, so the status alone does not
    // tell.
    let mut pending = false;
    // SAFETY: the environment of a live `Js`.
    unsafe { sys::napi_is_exception_pending(env, &mut pending) };
    if pending || status == Status::napi_pending_exception {
        Fault::Thrown
    } else {
        let message = format!("Node-API answered with status {status}");
        Error::new(ErrorCode::Internal, message).into()
    }
}

fn check(env: sys::napi_env, status: sys::napi_status) -> JsResult<()> {
    if status == Status::napi_ok {
        Ok(())
    } else {
        Err(fault(env, status))
    }
}

/// Calls a Node-API function whose last parameter is the pointer for its result.
macro_rules! answer {
    ($js:ident.$function:ident($($argument:expr),*), $empty:expr) => {{
        let mut out = $empty;
        // SAFETY: `Js` exists only on its environment's thread while it is alive (see `Js::new`), values come from an
        // open handle scope, pointers come from live references with the given lengths, `out` is a live local.
        check($js.0, unsafe { sys::$function($js.0, $($argument,)* &mut out) })?;
        Ok(out)
    }};
}

/// Calls a Node-API function that answers with its status only.
macro_rules! perform {
    ($js:ident.$function:ident($($argument:expr),*)) => {
        // SAFETY: as in `answer!`.
        check($js.0, unsafe { sys::$function($js.0, $($argument),*) })
    };
}

impl Js {
    /// # Safety
    /// `env` is alive, and this is its thread. The value must not outlive the call that gave `env`.
    pub(crate) unsafe fn new(env: sys::napi_env) -> Js {
        Js(env)
    }

    pub(crate) fn raw(self) -> sys::napi_env {
        self.0
    }

    pub(crate) fn scope(self) -> JsResult<Scope> {
        let scope: JsResult<sys::napi_handle_scope> =
            (|| answer!(self.napi_open_handle_scope(), ptr::null_mut()))();
        scope.map(|scope| Scope { env: self.0, scope })
    }

    pub(crate) fn kind(self, value: Raw) -> JsResult<Kind> {
        let kind: JsResult<sys::napi_valuetype> = (|| answer!(self.napi_typeof(value), 0))();
        Ok(match kind? {
            ValueType::napi_undefined => Kind::Undefined,
            ValueType::napi_null => Kind::Null,
            ValueType::napi_boolean => Kind::Boolean,
            ValueType::napi_number => Kind::Number,
            ValueType::napi_string => Kind::String,
            ValueType::napi_symbol => Kind::Symbol,
            ValueType::napi_object => Kind::Object,
            ValueType::napi_function => Kind::Function,
            ValueType::napi_bigint => Kind::BigInt,
            _ => Kind::Other,
        })
    }

    // Making values.

    pub(crate) fn undefined(self) -> JsResult<Raw> {
        answer!(self.napi_get_undefined(), ptr::null_mut())
    }

    pub(crate) fn boolean(self, value: bool) -> JsResult<Raw> {
        answer!(self.napi_get_boolean(value), ptr::null_mut())
    }

    pub(crate) fn number(self, value: f64) -> JsResult<Raw> {
        answer!(self.napi_create_double(value), ptr::null_mut())
    }

    pub(crate) fn int(self, value: i32) -> JsResult<Raw> {
        answer!(self.napi_create_int32(value), ptr::null_mut())
    }

    pub(crate) fn uint(self, value: u32) -> JsResult<Raw> {
        answer!(self.napi_create_uint32(value), ptr::null_mut())
    }

    pub(crate) fn bigint(self, value: i64) -> JsResult<Raw> {
        answer!(self.napi_create_bigint_int64(value), ptr::null_mut())
    }

    pub(crate) fn ubigint(self, value: u64) -> JsResult<Raw> {
        answer!(self.napi_create_bigint_uint64(value), ptr::null_mut())
    }

    pub(crate) fn string(self, text: &str) -> JsResult<Raw> {
        // ASCII is one block move for V8 as Latin-1; its UTF-8 decoder is several times slower.
        if text.is_ascii() {
            answer!(
                self.napi_create_string_latin1(text.as_ptr().cast(), text.len() as isize),
                ptr::null_mut()
            )
        } else {
            answer!(
                self.napi_create_string_utf8(text.as_ptr().cast(), text.len() as isize),
                ptr::null_mut()
            )
        }
    }

    pub(crate) fn object(self) -> JsResult<Raw> {
        answer!(self.napi_create_object(), ptr::null_mut())
    }

    pub(crate) fn array(self, length: usize) -> JsResult<Raw> {
        answer!(self.napi_create_array_with_length(length), ptr::null_mut())
    }

    /// A typed array over a buffer of its own, holding a copy of `bytes`.
    pub(crate) fn typed_array(
        self,
        kind: sys::napi_typedarray_type,
        bytes: &[u8],
        length: usize,
    ) -> JsResult<Raw> {
        let mut data = ptr::null_mut();
        let mut buffer = ptr::null_mut();
        perform!(self.napi_create_arraybuffer(bytes.len(), &mut data, &mut buffer))?;
        if !bytes.is_empty() && !data.is_null() {
            // SAFETY: the new buffer holds `bytes.len()` bytes, and no other code has seen it.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), data.cast(), bytes.len()) };
        }
        answer!(
            self.napi_create_typedarray(kind, length, buffer, 0),
            ptr::null_mut()
        )
    }

    /// A `Uint8Array` holding a copy of `bytes`.
    pub(crate) fn bytes(self, bytes: &[u8]) -> JsResult<Raw> {
        self.typed_array(sys::TypedarrayType::uint8_array, bytes, bytes.len())
    }

    /// A `Uint8Array` over `length` bytes of a buffer.
    pub(crate) fn view(self, buffer: Raw, offset: usize, length: usize) -> JsResult<Raw> {
        let kind = sys::TypedarrayType::uint8_array;
        answer!(
            self.napi_create_typedarray(kind, length, buffer, offset),
            ptr::null_mut()
        )
    }

    /// A Node `Buffer` holding a copy of `bytes`.
    pub(crate) fn buffer(self, bytes: &[u8]) -> JsResult<Raw> {
        answer!(
            self.napi_create_buffer_copy(bytes.len(), bytes.as_ptr().cast(), ptr::null_mut()),
            ptr::null_mut()
        )
    }

    pub(crate) fn set(self, object: Raw, key: Raw, value: Raw) -> JsResult<()> {
        perform!(self.napi_set_property(object, key, value))
    }

    pub(crate) fn set_named(self, object: Raw, key: &str, value: Raw) -> JsResult<()> {
        let key = self.string(key)?;
        self.set(object, key, value)
    }

    pub(crate) fn set_element(self, array: Raw, index: usize, value: Raw) -> JsResult<()> {
        perform!(self.napi_set_element(array, index as u32, value))
    }

    pub(crate) fn global(self) -> JsResult<Raw> {
        answer!(self.napi_get_global(), ptr::null_mut())
    }

    // Reading values.

    pub(crate) fn get(self, object: Raw, key: Raw) -> JsResult<Raw> {
        answer!(self.napi_get_property(object, key), ptr::null_mut())
    }

    pub(crate) fn get_named(self, object: Raw, key: &str) -> JsResult<Raw> {
        let key = self.string(key)?;
        self.get(object, key)
    }

    pub(crate) fn get_element(self, array: Raw, index: usize) -> JsResult<Raw> {
        answer!(self.napi_get_element(array, index as u32), ptr::null_mut())
    }

    pub(crate) fn is_array(self, value: Raw) -> JsResult<bool> {
        answer!(self.napi_is_array(value), false)
    }

    pub(crate) fn array_length(self, array: Raw) -> JsResult<usize> {
        let length: JsResult<u32> = (|| answer!(self.napi_get_array_length(array), 0))();
        length.map(|length| length as usize)
    }

    pub(crate) fn as_bool(self, value: Raw) -> JsResult<bool> {
        answer!(self.napi_get_value_bool(value), false)
    }

    /// The number; `None` if the value is not a number.
    pub(crate) fn as_number(self, value: Raw) -> JsResult<Option<f64>> {
        let mut number = 0.0;
        // SAFETY: as in `answer!`.
        match unsafe { sys::napi_get_value_double(self.0, value, &mut number) } {
            Status::napi_ok => Ok(Some(number)),
            Status::napi_number_expected => Ok(None),
            status => Err(fault(self.0, status)),
        }
    }

    /// The value and whether it fits.
    pub(crate) fn as_i64(self, value: Raw) -> JsResult<(i64, bool)> {
        let mut number = 0;
        let mut lossless = false;
        perform!(self.napi_get_value_bigint_int64(value, &mut number, &mut lossless))?;
        Ok((number, lossless))
    }

    /// The value and whether it fits.
    pub(crate) fn as_u64(self, value: Raw) -> JsResult<(u64, bool)> {
        let mut number = 0;
        let mut lossless = false;
        perform!(self.napi_get_value_bigint_uint64(value, &mut number, &mut lossless))?;
        Ok((number, lossless))
    }

    /// The UTF-8 of a string; lone surrogates become U+FFFD.
    pub(crate) fn as_utf8(self, value: Raw) -> JsResult<Vec<u8>> {
        // Most strings are short: one call copies them, while asking for the length first takes two.
        const SHORT: usize = 256;
        let mut short = [0u8; SHORT];
        let mut copied = 0;
        perform!(self.napi_get_value_string_utf8(
            value,
            short.as_mut_ptr().cast(),
            SHORT,
            &mut copied
        ))?;
        // The terminator takes one byte, and a character that did not fit takes up to four.
        if copied + 5 <= SHORT {
            return Ok(short[..copied].to_vec());
        }
        let mut length = 0;
        perform!(self.napi_get_value_string_utf8(value, ptr::null_mut(), 0, &mut length))?;
        let mut bytes: Vec<u8> = Vec::with_capacity(length + 1);
        perform!(self.napi_get_value_string_utf8(
            value,
            bytes.as_mut_ptr().cast(),
            length + 1,
            &mut copied
        ))?;
        // SAFETY: Node-API wrote `copied` bytes, no more than `length`.
        unsafe { bytes.set_len(copied.min(length)) };
        Ok(bytes)
    }

    pub(crate) fn as_text(self, value: Raw) -> JsResult<String> {
        let bytes = self.as_utf8(value)?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The first characters of a string, however long it is.
    pub(crate) fn as_start(self, value: Raw) -> JsResult<String> {
        let mut start = [0u8; 192];
        let mut copied = 0;
        perform!(self.napi_get_value_string_utf8(
            value,
            start.as_mut_ptr().cast(),
            start.len(),
            &mut copied
        ))?;
        Ok(String::from_utf8_lossy(&start[..copied]).into_owned())
    }

    /// The first code units of a string, at most 3 (the buffer's fourth is the terminator's).
    pub(crate) fn as_code_units(self, value: Raw) -> JsResult<([u16; 4], usize)> {
        let mut units = [0u16; 4];
        let mut copied = 0;
        perform!(self.napi_get_value_string_utf16(
            value,
            units.as_mut_ptr(),
            units.len(),
            &mut copied
        ))?;
        Ok((units, copied))
    }

    pub(crate) fn as_typed_array(self, value: Raw) -> JsResult<Option<TypedArray>> {
        let is: JsResult<bool> = (|| answer!(self.napi_is_typedarray(value), false))();
        if !is? {
            return Ok(None);
        }
        let (mut kind, mut length, mut data, mut buffer, mut offset) = (
            // If Node-API has no name for the array's kind, it writes none: -1 is not a kind that is accepted.
            -1,
            0,
            ptr::null_mut(),
            ptr::null_mut(),
            0,
        );
        perform!(self.napi_get_typedarray_info(
            value,
            &mut kind,
            &mut length,
            &mut data,
            &mut buffer,
            &mut offset
        ))?;
        let data: *const u8 = data.cast_const().cast();
        Ok(Some(TypedArray {
            kind,
            length: if data.is_null() { 0 } else { length },
            data,
            buffer,
            offset,
        }))
    }

    /// A copy of a `Uint8Array`; `None` for any other value.
    pub(crate) fn copy_bytes(self, value: Raw) -> JsResult<Option<Vec<u8>>> {
        if self.kind(value)? == Kind::Object
            && let Some(array) = self.as_typed_array(value)?
            && array.kind == sys::TypedarrayType::uint8_array
        {
            return Ok(Some(array.copy()?));
        }
        Ok(None)
    }

    /// Whether it is an `ArrayBuffer`, which no other thread can write to, and not a `SharedArrayBuffer`.
    pub(crate) fn is_array_buffer(self, value: Raw) -> JsResult<bool> {
        answer!(self.napi_is_arraybuffer(value), false)
    }

    pub(crate) fn is_detached(self, buffer: Raw) -> JsResult<bool> {
        answer!(self.napi_is_detached_arraybuffer(buffer), false)
    }

    // Functions, exceptions, promises.

    pub(crate) fn call(self, function: Raw, arguments: &[Raw]) -> JsResult<Raw> {
        let this = self.undefined()?;
        answer!(
            self.napi_call_function(this, function, arguments.len(), arguments.as_ptr()),
            ptr::null_mut()
        )
    }

    pub(crate) fn throw(self, value: Raw) {
        // SAFETY: as in `answer!`. The status is ignored: throwing fails only in an environment that is ending, which
        // cannot receive the value.
        unsafe { sys::napi_throw(self.0, value) };
    }

    /// Takes the pending exception. `None` if there is none, or if the environment is ending.
    pub(crate) fn take_exception(self) -> Option<Raw> {
        let mut pending = false;
        let mut value = ptr::null_mut();
        // SAFETY: as in `answer!`.
        unsafe {
            if sys::napi_is_exception_pending(self.0, &mut pending) != Status::napi_ok || !pending {
                return None;
            }
            if sys::napi_get_and_clear_last_exception(self.0, &mut value) != Status::napi_ok {
                return None;
            }
        }
        Some(value)
    }

    /// A promise, and the deferred that settles it.
    pub(crate) fn promise(self) -> JsResult<(sys::napi_deferred, Raw)> {
        let (mut deferred, mut promise) = (ptr::null_mut(), ptr::null_mut());
        perform!(self.napi_create_promise(&mut deferred, &mut promise))?;
        Ok((deferred, promise))
    }

    pub(crate) fn resolve(self, deferred: sys::napi_deferred, value: Raw) -> JsResult<()> {
        perform!(self.napi_resolve_deferred(deferred, value))
    }

    pub(crate) fn reject(self, deferred: sys::napi_deferred, value: Raw) -> JsResult<()> {
        perform!(self.napi_reject_deferred(deferred, value))
    }

    pub(crate) fn reference(self, value: Raw) -> JsResult<sys::napi_ref> {
        answer!(self.napi_create_reference(value, 1), ptr::null_mut())
    }

    pub(crate) fn delete_reference(self, reference: sys::napi_ref) {
        // SAFETY: as in `answer!`; the caller gives a reference of this environment up.
        unsafe { sys::napi_delete_reference(self.0, reference) };
    }

    pub(crate) fn referenced(self, reference: sys::napi_ref) -> JsResult<Raw> {
        let value: JsResult<Raw> =
            (|| answer!(self.napi_get_reference_value(reference), ptr::null_mut()))();
        let value = value?;
        if value.is_null() {
            return Err(Error::new(ErrorCode::Internal, "a referenced value is gone").into());
        }
        Ok(value)
    }
}
