//! The options of every instance, as JavaScript gives them.

use napi_derive::napi;
use riptide_wasm_runtime::abi::Limits;
use riptide_wasm_runtime::instance::{GuestOptions, WasiOptions};
use std::time::Duration;

/// The options of a guest: checked and complete.
#[napi(object)]
pub struct BindingGuestOptions {
    pub max_memory_pages: u32,
    pub max_table_elements: u32,
    pub max_result_bytes: f64,
    pub max_result_values: f64,
    pub fuel: Option<f64>,
    pub wasi: Option<BindingWasiOptions>,
}

/// What WASI gives a guest.
#[napi(object)]
pub struct BindingWasiOptions {
    pub args: Vec<String>,
    #[napi(ts_type = "Array<[string, string]>")]
    pub env: Vec<(String, String)>,
    pub max_output_bytes: u32,
}

impl From<BindingGuestOptions> for GuestOptions {
    fn from(options: BindingGuestOptions) -> GuestOptions {
        GuestOptions {
            max_memory_pages: options.max_memory_pages,
            max_table_elements: options.max_table_elements,
            fuel: options.fuel.map(|fuel| fuel as u64),
            limits: Limits {
                max_bytes: options.max_result_bytes as u64,
                max_values: options.max_result_values as u64,
            },
            wasi: options.wasi.map(|wasi| WasiOptions {
                args: wasi.args,
                env: wasi.env,
                max_output_bytes: wasi.max_output_bytes as usize,
            }),
        }
    }
}

/// Milliseconds of JavaScript as a duration; `None` if they are negative, not a number or too many.
pub(crate) fn duration(millis: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(millis / 1000.0).ok()
}
