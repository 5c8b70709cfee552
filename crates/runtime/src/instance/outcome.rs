//! What the end of a call means to its caller.

use crate::compile::Function;
use crate::error::{Error, ErrorCode, Result};
use crate::value::{Type, Value};

/// What a call that ended so means to its caller: the `err` of a result at the top is the guest's error, and an exit
/// with status 0 a good end where the function has no value to give.
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
