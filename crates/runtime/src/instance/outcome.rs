//! What the end of a call means to its caller.

use crate::compile::Function;
use crate::error::{Error, ErrorCode, Result};
use crate::value::{Type, Value};

/// Turns the end of a call into the caller's result: the `err` of a top-level `result` becomes the guest's error
/// (`ERR_GUEST`), and an exit with status 0 becomes a success if the function has no value to give.
pub(crate) fn ended(function: &Function, called: Result<Vec<Value>>) -> Result<Vec<Value>> {
    match called {
        Ok(mut values) => {
            guest_error(function, &mut values)?;
            Ok(values)
        }
        Err(mut error) if error.is_good_exit() => match function.ty.results.as_slice() {
            [] => Ok(Vec::new()),
            [Type::Result(None, _)] => Ok(vec![Value::Result(Ok(None))]),
            _ => {
                error.message += &format!(", and {} gave no value", function.name);
                Err(error)
            }
        },
        Err(error) => Err(error),
    }
}

fn guest_error(function: &Function, result: &mut [Value]) -> Result<()> {
    let [Type::Result(_, err)] = function.ty.results.as_slice() else {
        return Ok(());
    };
    let [Value::Result(Err(payload))] = result else {
        return Ok(());
    };
    let mut error = Error::new(
        ErrorCode::Guest,
        format!("{} returned an error", function.name),
    );
    if let (Some(payload), Some(ty)) = (payload.take(), err) {
        error.payload = Some(Box::new((*payload, (**ty).clone())));
    }
    Err(error)
}
