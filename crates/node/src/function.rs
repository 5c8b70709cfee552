//! Functions made for JavaScript that carry their data with them: calling one takes no property lookup and no class
//! check, which together cost as much as a short call.

use crate::failure;
use crate::js::{Js, JsResult, Raw};
use napi::sys::{self, Status};
use riptide_wasm_runtime::error::{Error, ErrorCode};
use std::ffi::c_void;
use std::ptr;

/// How many arguments are read without an allocation.
const INLINE: usize = 8;

/// The body of such a function, which gets all arguments of the call.
pub(crate) type Body<T> = fn(Js, &T, &[Raw]) -> JsResult<Raw>;

struct Data<T> {
    value: T,
    body: Body<T>,
}

/// Makes a function over `value`, which lives as long as the function does. Failures are thrown as plain objects.
pub(crate) fn make<T: 'static>(js: Js, name: &str, value: T, body: Body<T>) -> JsResult<Raw> {
    let data = Box::into_raw(Box::new(Data { value, body }));
    let mut function = ptr::null_mut();
    // SAFETY: alive environment on its thread; the name is read during the call; the data is a live allocation that the
    // callback casts back to the same type.
    let made = unsafe {
        sys::napi_create_function(
            js.raw(),
            name.as_ptr().cast(),
            name.len() as isize,
            Some(called::<T>),
            data.cast(),
            &mut function,
        )
    };
    // SAFETY: as above; Node calls the finalizer once, on this thread, when the function can be called no more.
    let kept = made == Status::napi_ok
        && unsafe {
            sys::napi_add_finalizer(
                js.raw(),
                function,
                data.cast(),
                Some(gone::<T>),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        } == Status::napi_ok;
    if kept {
        return Ok(function);
    }
    if made != Status::napi_ok {
        // SAFETY: no function was made that has the pointer. (A function without a finalizer keeps its data for ever
        // instead.)
        drop(unsafe { Box::from_raw(data) });
    }
    Err(Error::new(ErrorCode::Internal, "Node-API made no function").into())
}

unsafe extern "C" fn called<T>(env: sys::napi_env, info: sys::napi_callback_info) -> Raw {
    let mut count = INLINE;
    let mut inline = [ptr::null_mut(); INLINE];
    let mut data: *mut c_void = ptr::null_mut();
    // SAFETY: Node gave both for this call; `inline` has room for `count` arguments.
    let status = unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &mut count,
            inline.as_mut_ptr(),
            ptr::null_mut(),
            &mut data,
        )
    };
    if status != Status::napi_ok || data.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: `make` put it there, and it lives as long as the function, which is being called.
    let data = unsafe { &*data.cast::<Data<T>>() };
    let mut all = Vec::new();
    let arguments = if count <= INLINE {
        &inline[..count]
    } else {
        all.resize(count, ptr::null_mut());
        // SAFETY: as above, with room for all of them.
        unsafe {
            sys::napi_get_cb_info(
                env,
                info,
                &mut count,
                all.as_mut_ptr(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        &all
    };
    // SAFETY: Node gave the environment on its own thread; `js` ends with this call.
    let js = unsafe { Js::new(env) };
    match failure::guarded(|| (data.body)(js, &data.value, arguments)) {
        Ok(value) => value,
        Err(fault) => {
            if let Some(value) = failure::of_fault(js, fault) {
                js.throw(value);
            }
            ptr::null_mut()
        }
    }
}

unsafe extern "C" fn gone<T>(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: the allocation of `make`, given back once.
    let data = unsafe { Box::from_raw(data.cast::<Data<T>>()) };
    // A panic must not unwind into Node.
    let _ = failure::guarded(|| {
        drop(data);
        Ok(())
    });
}
