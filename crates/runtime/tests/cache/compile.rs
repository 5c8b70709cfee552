//! What bytes are, and why they do not compile.

use super::*;
use riptide_wasm_runtime::compile::{Kind, compile};
use riptide_wasm_runtime::error::{Detail, Error, ErrorCode};
use wasmtime::Config;

fn offset(error: &Error) -> Option<f64> {
    error.details.iter().find_map(|(key, detail)| match detail {
        Detail::Number(number) if *key == "offset" => Some(*number),
        _ => None,
    })
}

#[test]
fn the_header_tells_what_bytes_are() {
    assert_eq!(kind_of(&wasm(MODULE)).expect("kind"), Kind::Module);
    assert_eq!(kind_of(&wasm(COMPONENT)).expect("kind"), Kind::Component);
    let refused: [(&[u8], f64); 8] = [
        (b"", 0.0),
        (b"\0as", 3.0),
        (b"\0asm\x01\0", 6.0),
        (b"\0asm\x02\0\0\0", 4.0),
        (b"\x7fELF\x02\x01\x01\0", 0.0),
        (b"  (module)", 0.0),
        (b"hello, world", 0.0),
        (b"\x1f\x8b\x08\0\0\0\0\0", 0.0),
    ];
    let (place, engine) = (Place::new(Trust::Key), Engine::default());
    let cache = place.cache();
    for (bytes, at) in refused {
        for error in [
            kind_of(bytes).expect_err("kind"),
            cache.load(&engine, bytes).expect_err("load"),
        ] {
            assert_eq!(
                (error.code, offset(&error)),
                (ErrorCode::Compile, Some(at)),
                "{error}"
            );
        }
    }
    assert_eq!(cache.stats(), Default::default());
}

#[test]
fn invalid_code_says_where() {
    let engine = Engine::default();
    for text in [MODULE, COMPONENT] {
        let bytes = wasm(text);
        for length in 9..bytes.len() {
            if let Err(error) = compile(&engine, &bytes[..length]) {
                assert_eq!(error.code, ErrorCode::Compile);
                let at = offset(&error).unwrap_or_else(|| panic!("no offset: {error}"));
                assert!(at <= length as f64, "{error} at {at} of {length}");
            }
        }
    }
    let invalid = wasm("(module (func (result i32) i64.const 1))");
    let error = compile(&engine, &invalid).expect_err("types");
    assert_eq!(
        (error.code, offset(&error).is_some()),
        (ErrorCode::Compile, true),
        "{error}"
    );
    assert_eq!(
        wat2wasm("(module").expect_err("text").code,
        ErrorCode::Compile
    );
}

#[test]
fn simd_that_is_turned_off_is_told_apart_from_invalid_code() {
    let mut config = Config::new();
    config.wasm_simd(false).wasm_relaxed_simd(false);
    let scalar = Engine::new(&config).expect("engine");
    let relaxed = "(module (func (param v128 v128) (result v128)
        local.get 0 local.get 1 i8x16.relaxed_swizzle))";
    let nested = format!(
        "(component (core module {}",
        SIMD.strip_prefix("(module").expect("module")
    ) + ")";
    for text in [SIMD, relaxed, &nested] {
        let bytes = wasm(text);
        let error = compile(&scalar, &bytes).expect_err("simd");
        assert_eq!(error.code, ErrorCode::SimdDisabled, "{error}");
        let at = offset(&error).expect("offset");
        assert!(at > 8.0 && at < bytes.len() as f64, "{at}");
        compile(&Engine::default(), &bytes).expect("simd is on");
    }
    let place = Place::new(Trust::Key);
    let cache = super::cache(
        Some(place.options()),
        Settings {
            simd: false,
            ..SETTINGS
        },
    );
    let error = cache.load(&scalar, &wasm(SIMD)).expect_err("simd");
    assert_eq!(error.code, ErrorCode::SimdDisabled);
    assert_eq!(tier(&cache, &scalar, &wasm(MODULE)), Tier::Compiled);
    let both = wasm("(module (func (result i32) v128.const i32x4 0 0 0 0))");
    assert_eq!(
        compile(&scalar, &both).expect_err("invalid").code,
        ErrorCode::Compile
    );
    let plain = wasm("(module (func (result i32) i64.const 0))");
    assert_eq!(
        compile(&scalar, &plain).expect_err("invalid").code,
        ErrorCode::Compile
    );
}

/// The niceness of this process's threads of a name.
#[cfg(target_os = "linux")]
fn niceness(name: &str) -> Vec<i64> {
    let tasks = fs::read_dir("/proc/self/task").expect("tasks");
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok())
        .filter(|stat| stat.contains(&format!("({name})")))
        .filter_map(|stat| {
            let (_, rest) = stat.rsplit_once(')')?;
            // The sixteenth field behind the name.
            rest.split_whitespace().nth(16)?.parse().ok()
        })
        .collect()
}

#[cfg(target_os = "linux")]
#[test]
fn compiling_gives_way_to_everything_else() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let body = "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.const 7)))";
    let function = format!("(func (param i32) {})", body.repeat(2_000));
    let bytes = wasm(&format!("(module {})", function.repeat(8)));
    let (place, engine, done) = (
        Place::new(Trust::Key),
        Engine::default(),
        AtomicBool::new(false),
    );
    let cache = place.cache();
    let mut seen = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(tier(&cache, &engine, &bytes), Tier::Compiled);
            done.store(true, Ordering::SeqCst);
        });
        while !done.load(Ordering::SeqCst) {
            seen.extend(niceness("wasm-compiler"));
        }
    });
    // A thread that was just started has its place still to take.
    let lowered = seen.iter().filter(|nice| **nice >= 10).count();
    assert!(lowered > seen.len() / 2, "{seen:?}");
}

#[test]
fn code_for_every_processor_is_run_by_an_engine_for_this_one() {
    for trust in [Trust::Key, Trust::Owner] {
        let baseline = Settings {
            cpu: Cpu::Baseline,
            ..SETTINGS
        };
        let mut config = Config::new();
        config
            .target(&target_lexicon::HOST.to_string())
            .expect("target");
        let (place, bytes) = (Place::new(trust), wasm(SIMD));
        let other = Engine::new(&config).expect("engine");
        let cache = super::cache(Some(place.options()), baseline);
        assert_eq!(tier(&cache, &other, &bytes), Tier::Compiled);

        let engine = Engine::default();
        let cache = place.cache();
        let loaded = cache.load(&engine, &bytes).expect("load");
        assert_eq!(loaded.tier, Tier::Disk, "{trust:?}");
        assert_eq!(answer(&engine, &loaded.compiled), 1);
        assert_eq!(rejections(&cache), 0);
    }
}
