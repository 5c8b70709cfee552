//! How much of this thread's own stack is left.
//!
//! Wasmtime runs a guest that is called on the caller's thread on a part of that thread's stack, and does not check
//! that the part is there.

use crate::error::{Error, ErrorCode, Result};

/// Bytes that must be left before a guest is entered: Wasmtime's 512 KiB for the guest itself, and room for the host
/// functions that it calls.
const NEEDED: usize = (512 + 256) << 10;

/// Refuses to enter a guest if its stack would not fit on the thread's.
///
/// # Errors
/// `ERR_STACK_OVERFLOW`; the instance stays usable.
pub(crate) fn check() -> Result<()> {
    let marker = 0u8;
    let here = std::ptr::from_ref(&marker).addr();
    match lowest() {
        Some(lowest) if here.saturating_sub(lowest) < NEEDED => Err(Error::new(
            ErrorCode::StackOverflow,
            "the caller's thread has too little stack left for a guest",
        )
        .text("trap", "stack overflow")
        .list("backtrace", Vec::new())),
        _ => Ok(()),
    }
}

/// The lowest address of this thread's stack; `None` if the system does not report it.
#[cfg(target_os = "linux")]
fn lowest() -> Option<usize> {
    thread_local! {
        // Asked once a thread: for the main thread, the C library reads a file.
        static LOWEST: Option<usize> = ask();
    }
    fn ask() -> Option<usize> {
        let mut attributes = std::mem::MaybeUninit::uninit();
        let (mut address, mut size) = (std::ptr::null_mut(), 0);
        // SAFETY: the attributes are filled by the first call before the others read them, and given
        // up once; all pointers are to locals of the types these functions ask for.
        unsafe {
            if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
                return None;
            }
            let known = libc::pthread_attr_getstack(attributes.as_ptr(), &mut address, &mut size);
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
            (known == 0).then_some(address.addr())
        }
    }
    LOWEST.with(|lowest| *lowest)
}

#[cfg(not(target_os = "linux"))]
fn lowest() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_with_a_small_stack_is_refused_and_one_with_a_large_stack_is_not() {
        for (size, fits) in [(256 << 10, false), (4 << 20, true)] {
            let thread = std::thread::Builder::new()
                .stack_size(size)
                .spawn(|| check().is_ok());
            assert_eq!(
                thread.expect("a thread").join().expect("no panic"),
                fits || lowest().is_none()
            );
        }
    }
}
