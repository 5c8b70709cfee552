//! Which tier answers, and what a directory out of order costs.

use super::*;
use riptide_wasm_runtime::error::ErrorCode;
use std::sync::Barrier;
use std::time::Instant;
use wasmtime::Config;

#[test]
fn each_tier_answers_in_turn_and_is_counted() {
    for trust in [Trust::Key, Trust::Owner] {
        for text in [MODULE, COMPONENT] {
            let (place, engine, bytes) = (Place::new(trust), Engine::default(), wasm(text));
            let first = place.cache();
            assert_eq!(tier(&first, &engine, &bytes), Tier::Compiled);
            assert_eq!(tier(&first, &engine, &bytes), Tier::Memory);
            let stats = first.stats();
            assert_eq!(
                (stats.hits, stats.misses, stats.memory_hits, stats.disk_hits),
                (1, 1, 1, 0)
            );

            let second = place.cache();
            let loaded = second.load(&engine, &bytes).expect("load");
            assert_eq!(
                loaded.tier,
                Tier::Disk,
                "{trust:?} {:?}",
                second.take_warnings()
            );
            assert_eq!(answer(&engine, &loaded.compiled), 42);
            assert_eq!(tier(&second, &engine, &bytes), Tier::Memory);
            let stats = second.stats();
            assert_eq!(
                (stats.hits, stats.misses, stats.memory_hits, stats.disk_hits),
                (2, 0, 1, 1)
            );
            assert_eq!((rejections(&second), stats.write_failures), (0, 0));
            assert!(second.take_warnings().is_empty());
        }
    }
}

#[test]
fn files_are_named_by_the_specification_and_private() {
    for trust in [Trust::Key, Trust::Owner] {
        let (place, bytes) = (Place::new(trust), wasm(MODULE));
        tier(&place.cache(), &Engine::default(), &bytes);
        let artefact = place.artefact();
        let name = format!("{}_{}", blake3::hash(&bytes).to_hex(), bytes.len());
        assert_eq!(
            artefact.file_name().expect("name").to_str(),
            Some(name.as_str())
        );
        let mode = |path: &Path| fs::metadata(path).expect("metadata").mode() & 0o777;
        assert_eq!(mode(&artefact), 0o600);
        assert_eq!(mode(artefact.parent().expect("compat")), 0o700);
        assert_eq!(mode(&place.path("cache")), 0o700);
    }
}

#[test]
fn other_settings_share_nothing() {
    let (place, bytes) = (Place::new(Trust::Key), wasm(MODULE));
    let engine = Engine::default();
    tier(&place.cache(), &engine, &bytes);
    let other = super::cache(Some(place.options()), OTHERS);
    assert_eq!(tier(&other, &engine, &bytes), Tier::Compiled);
    let mut config = Config::new();
    config.memory_reservation(16 << 20);
    let small = Engine::new(&config).expect("engine");
    assert_eq!(tier(&place.cache(), &small, &bytes), Tier::Compiled);
    assert_eq!(tier(&place.cache(), &small, &bytes), Tier::Disk);
    // The first is still there.
    assert_eq!(tier(&place.cache(), &engine, &bytes), Tier::Disk);
    assert_eq!(place.artefacts().len(), 3);
}

#[test]
fn a_cache_that_is_off_compiles_and_counts_nothing() {
    let (engine, bytes) = (Engine::default(), wasm(MODULE));
    let cache = super::cache(None, SETTINGS);
    assert!(!cache.enabled());
    assert_eq!(tier(&cache, &engine, &bytes), Tier::Compiled);
    assert_eq!(tier(&cache, &engine, &bytes), Tier::Compiled);
    assert_eq!(cache.stats(), Default::default());
}

#[test]
fn a_second_engine_is_refused() {
    let (place, bytes) = (Place::new(Trust::Key), wasm(MODULE));
    let cache = place.cache();
    tier(&cache, &Engine::default(), &bytes);
    let error = cache
        .load(&Engine::default(), &bytes)
        .expect_err("another engine");
    assert_eq!(error.code, ErrorCode::Internal);
}

#[test]
fn many_loads_at_once_compile_once() {
    let (place, engine, bytes) = (Place::new(Trust::Key), Engine::default(), wasm(MODULE));
    let (cache, start) = (place.cache(), Barrier::new(64));
    let tiers: Vec<Tier> = std::thread::scope(|scope| {
        let load = || {
            start.wait();
            tier(&cache, &engine, &bytes)
        };
        let threads: Vec<_> = (0..64).map(|_| scope.spawn(load)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("thread"))
            .collect()
    });
    assert_eq!(
        tiers.iter().filter(|tier| **tier == Tier::Compiled).count(),
        1
    );
    assert_eq!(
        tiers.iter().filter(|tier| **tier == Tier::Memory).count(),
        63
    );
    let stats = cache.stats();
    assert_eq!((stats.misses, stats.memory_hits), (1, 63));
}

#[test]
fn loads_at_once_share_an_error_and_the_cache_goes_on() {
    let (place, engine) = (Place::new(Trust::Key), Engine::default());
    let mut bytes = wasm(MODULE);
    bytes.truncate(bytes.len() - 3);
    let (cache, start) = (place.cache(), Barrier::new(16));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                start.wait();
                let error = cache.load(&engine, &bytes).expect_err("cut short");
                assert_eq!(error.code, ErrorCode::Compile);
            });
        }
    });
    assert_eq!(cache.stats().hits, 0);
    assert_eq!(tier(&cache, &engine, &wasm(MODULE)), Tier::Compiled);
}

#[test]
fn the_memory_tier_is_bounded() {
    let (place, engine) = (Place::new(Trust::Key), Engine::default());
    let cache = place.cache();
    let guest = |number: u32| wasm(&format!("(module (func (result i32) i32.const {number}))"));
    for number in 0..40 {
        assert_eq!(tier(&cache, &engine, &guest(number)), Tier::Compiled);
    }
    assert_eq!(tier(&cache, &engine, &guest(39)), Tier::Memory);
    assert_eq!(tier(&cache, &engine, &guest(0)), Tier::Disk);
}

#[test]
fn a_directory_that_cannot_be_made_costs_one_warning() {
    let (place, engine) = (Place::new(Trust::Key), Engine::default());
    fs::write(place.path("cache"), "a file").expect("file");
    let cache = place.cache();
    assert_eq!(tier(&cache, &engine, &wasm(MODULE)), Tier::Compiled);
    assert_eq!(tier(&cache, &engine, &wasm(MODULE)), Tier::Memory);
    assert_eq!(tier(&cache, &engine, &wasm(OTHER)), Tier::Compiled);
    let warnings = cache.take_warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

#[test]
fn a_read_only_directory_is_still_read() {
    if rustix::process::geteuid().is_root() {
        println!("skipped: modes do not bind root");
        return;
    }
    let (place, engine) = (Place::new(Trust::Key), Engine::default());
    tier(&place.cache(), &engine, &wasm(MODULE));
    let compat = place.artefact().parent().expect("compat").to_owned();
    fs::set_permissions(&compat, fs::Permissions::from_mode(0o500)).expect("mode");
    let cache = place.cache();
    assert_eq!(tier(&cache, &engine, &wasm(MODULE)), Tier::Disk);
    assert_eq!(tier(&cache, &engine, &wasm(OTHER)), Tier::Compiled);
    assert_eq!(cache.stats().write_failures, 1);
    assert_eq!(cache.take_warnings().len(), 1);
    fs::set_permissions(&compat, fs::Permissions::from_mode(0o700)).expect("mode");
}

#[test]
fn a_directory_that_is_wiped_is_made_anew() {
    for trust in [Trust::Key, Trust::Owner] {
        let (place, engine) = (Place::new(trust), Engine::default());
        let cache = place.cache();
        tier(&cache, &engine, &wasm(MODULE));
        fs::remove_dir_all(place.path("cache")).expect("wipe");
        tier(&cache, &engine, &wasm(OTHER));
        assert_eq!(tier(&place.cache(), &engine, &wasm(OTHER)), Tier::Disk);
        assert_eq!(cache.stats().write_failures, 0);
    }
}

/// Not a check, but the figures: `cargo test --release --test cache -- --ignored --nocapture
/// timings`.
#[test]
#[ignore = "prints timings"]
fn timings() {
    let mut text = String::from("(module (memory 1)");
    for function in 0..4_000 {
        text += "(func (param i32) (result i32)";
        for step in 0..60 {
            text += &format!(
                " local.get 0 i32.const {function} i32.xor i32.load offset={step} local.set 0"
            );
        }
        text += " local.get 0)";
    }
    text += ")";
    let nested = format!(
        "(component (core module {})",
        text.strip_prefix("(module").expect("module")
    );
    let engine = Engine::default();
    for (trust, text) in [
        (Trust::Key, &text),
        (Trust::Owner, &text),
        (Trust::Key, &nested),
        (Trust::Owner, &nested),
    ] {
        let bytes = wasm(text);
        let place = Place::new(trust);
        let timed = |cache: &ModuleCache| {
            let start = Instant::now();
            let tier = tier(cache, &engine, &bytes);
            (tier, start.elapsed())
        };
        let cache = place.cache();
        let kind = kind_of(&bytes).expect("kind");
        println!(
            "{trust:?} {kind} of {} bytes: {:?} {:?}",
            bytes.len(),
            timed(&cache),
            timed(&cache)
        );
        let mut disk: Vec<_> = (0..20).map(|_| timed(&place.cache()).1).collect();
        disk.sort();
        let size = fs::metadata(place.artefact()).expect("artefact").len();
        println!(
            "{trust:?} disk: median {:?}, best {:?}, {size} bytes",
            disk[10], disk[0]
        );
    }
}

#[test]
fn a_file_is_loaded_like_its_bytes_and_again_when_it_changes() {
    for trust in [Trust::Key, Trust::Owner] {
        let (place, engine, cache) = (Place::new(trust), Engine::default(), |place: &Place| {
            place.cache()
        });
        let file = place.path("guest.wasm");
        let load = |cache: &ModuleCache| {
            let guest = WasmSource::open(&file).expect("open");
            let loaded = cache.load_guest(&engine, &guest, None).expect("load");
            (loaded.tier, answer(&engine, &loaded.compiled))
        };
        fs::write(&file, wasm(MODULE)).expect("write");
        let first = cache(&place);
        assert_eq!(load(&first), (Tier::Compiled, 42));
        assert_eq!(load(&first), (Tier::Memory, 42));
        assert_eq!(load(&cache(&place)), (Tier::Disk, 42));
        // As long as before, and within the same moment.
        fs::write(&file, wasm(OTHER)).expect("write");
        assert_eq!(load(&first), (Tier::Compiled, 43));
        assert_eq!(load(&cache(&place)), (Tier::Disk, 43));
    }
}

#[test]
fn a_file_that_rests_is_not_read_again_and_one_that_changed_is() {
    let (place, engine) = (Place::new(Trust::Key), Engine::default());
    let (file, cache) = (place.path("guest.wasm"), place.cache());
    let load = || {
        let guest = WasmSource::open(&file).expect("open");
        let loaded = cache.load_guest(&engine, &guest, None).expect("load");
        (loaded.tier, answer(&engine, &loaded.compiled))
    };
    fs::write(&file, wasm(MODULE)).expect("write");
    std::thread::sleep(std::time::Duration::from_millis(3_100));
    assert_eq!(load(), (Tier::Compiled, 42));
    assert_eq!(load(), (Tier::Memory, 42));
    fs::write(&file, wasm(OTHER)).expect("write");
    // Whoever sets the times back cannot set back when that was.
    let past = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::options()
        .write(true)
        .open(&file)
        .and_then(|file| file.set_modified(past))
        .expect("times");
    assert_eq!(load(), (Tier::Compiled, 43));
}

#[test]
fn caches_that_start_together_compile_once() {
    for trust in [Trust::Key, Trust::Owner] {
        let (place, start) = (Place::new(trust), Barrier::new(8));
        let bytes = wasm(MODULE);
        let tiers: Vec<Tier> = std::thread::scope(|scope| {
            let loads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let (cache, engine) = (place.cache(), Engine::default());
                        start.wait();
                        tier(&cache, &engine, &bytes)
                    })
                })
                .collect();
            loads
                .into_iter()
                .map(|load| load.join().expect("load"))
                .collect()
        });
        let compiled = tiers.iter().filter(|tier| **tier == Tier::Compiled).count();
        assert_eq!(compiled, 1, "{trust:?} {tiers:?}");
    }
}
