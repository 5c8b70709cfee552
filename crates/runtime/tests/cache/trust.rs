//! Broken, foreign and planted artefacts.

use super::*;
use riptide_wasm_runtime::compile::compile;
use std::os::unix::fs::symlink;
use std::process::Command;

/// Loads after the artefact was changed, and checks that it cost one compile and was put right.
fn costs_a_compile(place: &Place, engine: &Engine, bytes: &[u8], what: &str) {
    let cache = place.cache();
    let loaded = cache.load(engine, bytes).expect(what);
    assert_eq!(loaded.tier, Tier::Compiled, "{what}");
    assert_eq!(answer(engine, &loaded.compiled), 42, "{what}");
    assert_eq!((rejections(&cache), cache.stats().misses), (1, 1), "{what}");
    assert_eq!(tier(&place.cache(), engine, bytes), Tier::Disk, "{what}");
}

#[test]
fn any_changed_byte_is_rejected_under_key_trust() {
    for text in [MODULE, COMPONENT] {
        let (place, engine, bytes) = (Place::new(Trust::Key), Engine::default(), wasm(text));
        tier(&place.cache(), &engine, &bytes);
        let artefact = place.artefact();
        let whole = fs::read(&artefact).expect("artefact");
        // All of header and MAC, then bytes all over the code.
        let positions = (0..44).chain((44..whole.len()).step_by(whole.len() / 24));
        for (turn, position) in positions.enumerate() {
            let mut changed = whole.clone();
            changed[position] ^= 1 << (turn % 8);
            fs::write(&artefact, changed).expect("write");
            costs_a_compile(&place, &engine, &bytes, &format!("byte {position}"));
        }
        for length in [0, 1, 11, 12, 43, 44, 45, whole.len() / 2, whole.len() - 1] {
            fs::write(&artefact, &whole[..length]).expect("write");
            costs_a_compile(&place, &engine, &bytes, &format!("cut to {length}"));
        }
        let longer = [whole.as_slice(), b"\0"].concat();
        fs::write(&artefact, longer).expect("write");
        costs_a_compile(&place, &engine, &bytes, "a byte more");
    }
}

#[test]
fn a_genuine_artefact_of_another_guest_or_settings_is_rejected() {
    for trust in [Trust::Key, Trust::Owner] {
        let (place, engine, bytes) = (Place::new(trust), Engine::default(), wasm(MODULE));
        tier(&place.cache(), &engine, &bytes);
        let artefact = place.artefact();
        let elsewhere = Place::new(trust);
        tier(&elsewhere.cache(), &engine, &wasm(OTHER));
        fs::copy(elsewhere.artefact(), &artefact).expect("copy");
        costs_a_compile(&place, &engine, &bytes, "another guest");

        let elsewhere = Place::new(trust);
        let other = super::cache(Some(elsewhere.options()), OTHERS);
        tier(&other, &engine, &bytes);
        fs::copy(elsewhere.artefact(), &artefact).expect("copy");
        costs_a_compile(&place, &engine, &bytes, "other settings");

        let raw = compile(&engine, &bytes)
            .and_then(|code| code.serialize())
            .expect("artefact");
        fs::write(&artefact, &raw).expect("write");
        costs_a_compile(&place, &engine, &bytes, "no seal");
        let forged = [
            b"RIPTIDEC\x01\0\0\0".as_slice(),
            blake3::hash(&raw).as_bytes(),
            &raw,
        ]
        .concat();
        fs::write(&artefact, forged).expect("write");
        costs_a_compile(&place, &engine, &bytes, "a seal without the key");
    }
}

#[test]
fn an_artefact_cut_short_is_rejected_under_owner_trust() {
    for text in [MODULE, COMPONENT] {
        let (place, engine, bytes) = (Place::new(Trust::Owner), Engine::default(), wasm(text));
        tier(&place.cache(), &engine, &bytes);
        let artefact = place.artefact();
        let whole = fs::read(&artefact).expect("artefact");
        for length in [0, 1, 84, 85, 86, whole.len() / 2, whole.len() - 1] {
            // Beside and renamed: what a process has mapped must not be cut.
            fs::write(place.path("cut"), &whole[..length]).expect("write");
            fs::rename(place.path("cut"), &artefact).expect("rename");
            costs_a_compile(&place, &engine, &bytes, &format!("cut to {length}"));
        }
    }
}

#[test]
fn another_key_means_another_cache() {
    let (place, engine, bytes) = (Place::new(Trust::Key), Engine::default(), wasm(MODULE));
    tier(&place.cache(), &engine, &bytes);
    fs::write(place.path("key"), [8; 32]).expect("key");
    costs_a_compile(&place, &engine, &bytes, "another key");
}

#[test]
fn a_linked_artefact_is_rejected_and_replaced() {
    for trust in [Trust::Key, Trust::Owner] {
        let (place, engine, bytes) = (Place::new(trust), Engine::default(), wasm(MODULE));
        tier(&place.cache(), &engine, &bytes);
        let artefact = place.artefact();
        fs::rename(&artefact, place.path("aside")).expect("rename");
        symlink(place.path("aside"), &artefact).expect("link");
        costs_a_compile(&place, &engine, &bytes, "a link");
        assert!(fs::symlink_metadata(&artefact).expect("metadata").is_file());
        fs::remove_file(&artefact).expect("remove");
        assert!(
            Command::new("mkfifo")
                .arg(&artefact)
                .status()
                .expect("mkfifo")
                .success()
        );
        costs_a_compile(&place, &engine, &bytes, "a pipe");
        fs::remove_file(&artefact).expect("remove");
        fs::File::create(&artefact)
            .and_then(|file| file.set_len(1 << 40))
            .expect("sparse");
        fs::set_permissions(&artefact, fs::Permissions::from_mode(0o600)).expect("mode");
        costs_a_compile(&place, &engine, &bytes, "a terabyte");
    }
}

#[test]
fn owner_trust_refuses_files_that_others_could_change() {
    let (place, engine, bytes) = (Place::new(Trust::Owner), Engine::default(), wasm(MODULE));
    tier(&place.cache(), &engine, &bytes);
    let artefact = place.artefact();
    fs::set_permissions(&artefact, fs::Permissions::from_mode(0o620)).expect("mode");
    costs_a_compile(&place, &engine, &bytes, "group-writable");
    fs::hard_link(&artefact, place.path("second name")).expect("link");
    costs_a_compile(&place, &engine, &bytes, "two names");
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&artefact, Some(65_534), None).expect("owner");
        costs_a_compile(&place, &engine, &bytes, "of another user");
    } else {
        println!("skipped: only root can give a file away");
    }
}

/// Loads under owner trust from a directory that must not be used.
fn stays_out(place: &Place, directory: &Path, engine: &Engine, what: &str) {
    let options = CacheOptions {
        directory: directory.to_owned(),
        ..place.options()
    };
    let cache = super::cache(Some(options), SETTINGS);
    assert_eq!(
        tier(&cache, engine, &wasm(MODULE)),
        Tier::Compiled,
        "{what}"
    );
    assert_eq!(tier(&cache, engine, &wasm(OTHER)), Tier::Compiled, "{what}");
    assert_eq!(
        (cache.stats().disk_hits, cache.stats().write_failures),
        (0, 0),
        "{what}"
    );
    let warnings = cache.take_warnings();
    assert_eq!(warnings.len(), 1, "{what}: {warnings:?}");
    assert!(cache.take_warnings().is_empty());
}

#[test]
fn owner_trust_refuses_directories_that_others_could_change() {
    let (place, engine) = (Place::new(Trust::Owner), Engine::default());
    tier(&place.cache(), &engine, &wasm(MODULE));
    let (cache, compat) = (
        place.path("cache"),
        place.artefact().parent().expect("compat").to_owned(),
    );
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode")
    };

    // Sticky or not, the directory of the files itself must be ours alone.
    for bits in [0o777, 0o770, 0o1777] {
        mode(&compat, bits);
        stays_out(&place, &cache, &engine, "compat");
        mode(&compat, 0o700);
    }
    for bits in [0o777, 0o720] {
        mode(&cache, bits);
        stays_out(&place, &cache, &engine, "cache");
        mode(place.folder.path(), bits);
        mode(&cache, 0o700);
        stays_out(&place, &cache, &engine, "ancestor");
        mode(place.folder.path(), 0o700);
    }
    // In a sticky ancestor nobody can replace what is ours: that is how /tmp is used.
    mode(&cache, 0o1777);
    assert_eq!(tier(&place.cache(), &engine, &wasm(MODULE)), Tier::Disk);
    mode(&cache, 0o700);

    symlink(&cache, place.path("link")).expect("link");
    stays_out(&place, &place.path("link"), &engine, "a link");
    fs::create_dir(place.path("inner")).expect("inner");
    symlink(place.folder.path(), place.path("inner/up")).expect("link");
    stays_out(
        &place,
        &place.path("inner/up/cache"),
        &engine,
        "a linked ancestor",
    );

    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&cache, Some(65_534), None).expect("owner");
        stays_out(&place, &cache, &engine, "of another user");
        mode(place.folder.path(), 0o1777);
        stays_out(
            &place,
            &cache,
            &engine,
            "of another user, in a sticky directory",
        );
        std::os::unix::fs::chown(&cache, Some(0), None).expect("owner");
        mode(place.folder.path(), 0o700);
    } else {
        println!("skipped: only root can give a directory away");
    }
    assert_eq!(tier(&place.cache(), &engine, &wasm(MODULE)), Tier::Disk);
}
