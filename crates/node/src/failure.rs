//! Failures as the plain objects that `native.ts` turns into error classes.

use crate::js::{Fault, Js, JsResult, Raw};
use crate::to_js;
use riptide_wasm_runtime::error::{Detail, Error, ErrorCode};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// `{ code, message, details, payload?, hostError? }`
pub(crate) fn object(js: Js, error: &Error) -> JsResult<Raw> {
    let payload = match &error.payload {
        Some(payload) => Some(to_js::value(js, &payload.0, &payload.1)?),
        None => None,
    };
    with_payload(js, error, payload)
}

/// Like [`object`], with a payload that is already converted.
fn with_payload(js: Js, error: &Error, payload: Option<Raw>) -> JsResult<Raw> {
    let object = js.object()?;
    js.set_named(object, "code", js.string(error.code.as_str())?)?;
    js.set_named(object, "message", js.string(&error.message)?)?;
    let details = js.object()?;
    for (key, detail) in &error.details {
        let detail = match detail {
            Detail::Number(number) => js.number(*number)?,
            Detail::Text(text) => js.string(text)?,
            Detail::List(list) => {
                let array = js.array(list.len())?;
                for (index, text) in list.iter().enumerate() {
                    js.set_element(array, index, js.string(text)?)?;
                }
                array
            }
            Detail::Bytes(bytes) => js.bytes(bytes)?,
        };
        js.set_named(details, key, detail)?;
    }
    js.set_named(object, "details", details)?;
    if let Some(payload) = payload {
        js.set_named(object, "payload", payload)?;
    }
    if let Some(host_error) = error.host_error {
        js.set_named(object, "hostError", js.number(host_error as f64)?)?;
    }
    Ok(object)
}

/// The value that a fault throws, or rejects a promise with: the pending exception as it is, or the failure as an
/// object. `None` if the environment is ending and cannot receive it.
pub(crate) fn of_fault(js: Js, fault: Fault) -> Option<Raw> {
    match fault {
        Fault::Thrown => js.take_exception(),
        Fault::Failed(error) => match object(js, &error) {
            Ok(object) => Some(object),
            Err(_) => {
                // Only converting the payload can fail, or an environment that is ending.
                js.take_exception();
                with_payload(js, &error, None).ok()
            }
        },
    }
}

/// Runs a step that JavaScript called: failures are thrown as plain objects, panics become internal failures.
pub(crate) fn throwing<T>(js: Js, step: impl FnOnce() -> JsResult<T>) -> napi::Result<T> {
    guarded(step).map_err(|fault| {
        if let Some(value) = of_fault(js, fault) {
            js.throw(value);
        }
        // Tells napi that the exception is pending already.
        napi::Error::new(napi::Status::PendingException, "")
    })
}

/// Runs a step; a panic becomes an internal failure.
pub(crate) fn guarded<T>(step: impl FnOnce() -> JsResult<T>) -> JsResult<T> {
    // State that a panic left half done is dropped with the call, or is in cells, which hold whole values.
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|panic| Err(of_panic(&*panic).into()))
}

fn of_panic(panic: &(dyn Any + Send)) -> Error {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Error::new(ErrorCode::Internal, format!("panicked: {message}"))
}
