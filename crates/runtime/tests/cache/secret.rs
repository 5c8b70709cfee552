//! The operator's key file, and this user's own key.

use super::*;
use riptide_wasm_runtime::error::{Detail, ErrorCode};
use std::os::unix::fs::symlink;
use std::process::Command;

#[test]
fn a_bad_key_file_is_a_bad_option() {
    let (engine, bytes) = (Engine::default(), wasm(MODULE));
    let refuse = |what: &str, make: &dyn Fn(&Path)| {
        let place = Place::new(Trust::Key);
        fs::remove_file(place.path("key")).expect("key");
        make(&place.path("key"));
        let cache = place.cache();
        for _ in 0..2 {
            let error = cache.load(&engine, &bytes).expect_err(what);
            assert_eq!(error.code, ErrorCode::BadOption, "{what}");
            assert!(
                error.message.contains("RIPTIDE_WASM_CACHE_KEY_FILE"),
                "{error}"
            );
            assert!(
                error
                    .details
                    .contains(&("option", Detail::Text("cache.keyFile".into())))
            );
        }
        assert!(place.artefacts().is_empty());
        // It is looked at again, not refused for ever.
        let _ = fs::remove_file(place.path("key")).or_else(|_| fs::remove_dir(place.path("key")));
        fs::write(place.path("key"), [7; 32]).expect("key");
        assert_eq!(tier(&cache, &engine, &bytes), Tier::Compiled, "{what}");
        place.artefact();
    };
    refuse("missing", &|_| ());
    refuse("31 bytes", &|path| fs::write(path, [7; 31]).expect("key"));
    refuse("too long", &|path| {
        fs::write(path, vec![7; 70_000]).expect("key")
    });
    refuse("a directory", &|path| fs::create_dir(path).expect("key"));
    refuse("a device", &|path| symlink("/dev/zero", path).expect("key"));
    refuse("a pipe", &|path| {
        assert!(
            Command::new("mkfifo")
                .arg(path)
                .status()
                .expect("mkfifo")
                .success()
        );
    });
    refuse("writable by everybody", &|path| {
        fs::write(path, [7; 32]).expect("key");
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).expect("mode");
    });
}

/// As an operator does it: no process reads half of it.
fn replace_key(place: &Place, key: &[u8]) {
    fs::write(place.path("new"), key).expect("key");
    fs::rename(place.path("new"), place.path("key")).expect("rename");
}

fn numbered(number: usize) -> Vec<u8> {
    wasm(&format!(
        r#"(module (func (export "answer") (result i32) i32.const {number}))"#
    ))
}

#[test]
fn a_key_file_is_read_again_when_it_changed() {
    let place = Place::new(Trust::Key);
    let engine = Engine::default();
    // As processes that run all the time.
    let [writes, reads, checks] = [(); 3].map(|()| place.cache());
    for round in 0..6 {
        let bytes = numbered(round);
        assert_eq!(tier(&writes, &engine, &bytes), Tier::Compiled);
        let key = [round as u8; 32];
        match round {
            // Written over, and of the same length.
            0 | 1 => fs::write(place.path("key"), key).expect("key"),
            // The one that was looked at is long unchanged.
            2 => {
                std::thread::sleep(Duration::from_millis(2_200));
                let tiers =
                    [&writes, &reads, &checks].map(|cache| tier(cache, &engine, &numbered(100)));
                assert_eq!(tiers, [Tier::Compiled, Tier::Disk, Tier::Disk]);
                replace_key(&place, &key);
            }
            // A link to another, as Kubernetes has it.
            3 => {
                fs::write(place.path("elsewhere"), key).expect("key");
                symlink(place.path("elsewhere"), place.path("link")).expect("link");
                fs::rename(place.path("link"), place.path("key")).expect("rename");
            }
            _ => replace_key(&place, &key),
        }
        assert_eq!(rejections(&reads), round as u64);
        assert_eq!(tier(&reads, &engine, &bytes), Tier::Compiled, "{round}");
        assert_eq!(rejections(&reads), round as u64 + 1);
        assert_eq!(tier(&checks, &engine, &bytes), Tier::Disk, "{round}");
    }
    assert_eq!(rejections(&checks), 0);
    for cache in [&writes, &reads, &checks] {
        assert_eq!(cache.take_warnings(), Vec::<String>::new());
    }
}

#[test]
fn a_key_file_that_can_be_used_no_more_costs_compiles_until_it_can() {
    let place = Place::new(Trust::Key);
    let (engine, cache) = (Engine::default(), place.cache());
    assert_eq!(tier(&cache, &engine, &numbered(0)), Tier::Compiled);
    let mut number = 0;
    let mut compiles = |what: &str| {
        for _ in 0..2 {
            number += 1;
            assert_eq!(
                tier(&cache, &engine, &numbered(number)),
                Tier::Compiled,
                "{what}"
            );
            assert_eq!(place.artefacts().len(), 1, "{what}");
        }
    };
    fs::write(place.path("key"), "half").expect("key");
    compiles("written by half");
    fs::remove_file(place.path("key")).expect("remove");
    compiles("removed");
    let warnings = cache.take_warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("RIPTIDE_WASM_CACHE_KEY_FILE"),
        "{warnings:?}"
    );
    fs::write(place.path("key"), [7; 32]).expect("key");
    assert_eq!(tier(&cache, &engine, &wasm(MODULE)), Tier::Compiled);
    assert_eq!(place.artefacts().len(), 2);
    assert_eq!(
        tier(&place.cache(), &engine, &wasm(MODULE)),
        Tier::Disk,
        "by the key that it had before"
    );
    assert_eq!(rejections(&cache), 0);
}

/// Runs as a process of its own, for the tests below: one load with this user's own key.
#[test]
fn child() {
    let Some(directory) = std::env::var_os("RIPTIDE_TEST_CHILD") else {
        return;
    };
    let options = CacheOptions {
        directory: directory.into(),
        key_file: None,
        trust: Trust::Key,
        readable: false,
        limits: LIMITS,
    };
    let cache = super::cache(Some(options), SETTINGS);
    let tier = tier(&cache, &Engine::default(), &wasm(MODULE));
    println!(
        "tier={tier:?} rejected={} warnings={:?}",
        rejections(&cache),
        cache.take_warnings()
    );
}

fn child_command(directory: &Path, config: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("self"));
    command.args(["--exact", "secret::child", "--nocapture"]);
    command
        .env("RIPTIDE_TEST_CHILD", directory)
        .env("XDG_CONFIG_HOME", config);
    command.stdout(std::process::Stdio::piped());
    command
}

fn said(command: &mut Command) -> String {
    let output = command.output().expect("child");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn this_users_own_key_is_made_once_and_kept_private() {
    let place = Place::new(Trust::Key);
    let (cache, config) = (place.path("cache"), place.path("config"));
    let run = || said(&mut child_command(&cache, &config));
    assert!(run().contains("tier=Compiled rejected=0 warnings=[]"));
    assert!(run().contains("tier=Disk rejected=0 warnings=[]"));
    let key = config.join("riptide-wasm/cache.key");
    let metadata = fs::metadata(&key).expect("key");
    assert_eq!(
        (metadata.mode() & 0o777, metadata.len(), metadata.nlink()),
        (0o600, 32, 1)
    );
    assert_eq!(
        fs::read_dir(config.join("riptide-wasm"))
            .expect("config")
            .count(),
        1
    );

    let off = |what: &str| {
        let said = run();
        assert!(said.contains("tier=Compiled rejected=0"), "{what}: {said}");
        assert!(said.contains("cache.key"), "{what}: {said}");
    };
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("mode");
    off("readable by the group");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("mode");
    assert!(run().contains("tier=Disk"));
    fs::rename(&key, config.join("aside")).expect("rename");
    symlink(config.join("aside"), &key).expect("link");
    off("a link");
    fs::remove_file(&key).expect("remove");
    fs::write(&key, [1; 31]).expect("key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("mode");
    off("cut short");
    fs::remove_dir_all(&config).expect("remove");
    fs::write(&config, "a file").expect("file");
    off("nowhere to put it");
}

#[test]
fn processes_that_start_together_agree_on_a_key() {
    for _ in 0..4 {
        let place = Place::new(Trust::Key);
        let (cache, config) = (place.path("cache"), place.path("config"));
        let children: Vec<_> = (0..8)
            .map(|_| child_command(&cache, &config).spawn().expect("child"))
            .collect();
        for child in children {
            let output = child.wait_with_output().expect("child");
            let said = String::from_utf8(output.stdout).expect("text");
            assert!(said.contains("rejected=0 warnings=[]"), "{said}");
        }
        assert!(said(&mut child_command(&cache, &config)).contains("tier=Disk"));
        assert_eq!(
            fs::read_dir(config.join("riptide-wasm"))
                .expect("config")
                .count(),
            1
        );
        place.artefact();
    }
}
