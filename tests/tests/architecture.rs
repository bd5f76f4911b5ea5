//! The rules of ARCHITECTURE.md that a machine can hold: who may import whom, which third-party
//! crates live in which room, and what a source file looks like.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use lakegate_tests::kit::binary::workspace;
use serde_json::Value;

/// The arrows between rooms: who may import whom. `tests` and `xtask` may import anything, and
/// nobody imports them.
const ARROWS: &[(&str, &[&str])] = &[
    ("lakegate-model", &[]),
    ("lakegate-quality", &[]),
    ("lakegate-proto", &["lakegate-model"]),
    ("lakegate-telemetry", &["lakegate-model"]),
    ("lakegate-sdk", &["lakegate-model", "lakegate-proto"]),
    ("lakegate-coordinator", &["lakegate-model", "lakegate-proto", "lakegate-telemetry"]),
    ("lakegate-worker", &["lakegate-model", "lakegate-proto", "lakegate-quality", "lakegate-telemetry"]),
    ("lakegate-aws", &["lakegate-model", "lakegate-telemetry", "lakegate-coordinator"]),
    ("lakegate-local", &["lakegate-model", "lakegate-telemetry", "lakegate-coordinator"]),
    (
        "lakegate",
        &[
            "lakegate-model",
            "lakegate-proto",
            "lakegate-telemetry",
            "lakegate-sdk",
            "lakegate-coordinator",
            "lakegate-quality",
            "lakegate-worker",
            "lakegate-aws",
            "lakegate-local",
        ],
    ),
];

/// Rooms that may import any other.
const FREE: &[&str] = &["lakegate-tests", "xtask"];

/// Third-party crates, by the beginning of their name, and the only rooms that may import them.
const HOMES: &[(&str, &[&str])] = &[
    ("actix", &["lakegate-coordinator"]),
    ("polars", &["lakegate-worker", "lakegate-quality"]),
    ("aws-", &["lakegate-aws"]),
    ("rusqlite", &["lakegate-local"]),
    ("notify", &["lakegate-local"]),
    ("object_store", &["lakegate-worker"]),
    ("reqwest", &["lakegate-local"]),
    ("opentelemetry_sdk", &["lakegate-telemetry"]),
    ("opentelemetry-otlp", &["lakegate-telemetry"]),
    ("clap", &["lakegate"]),
    ("indicatif", &["lakegate"]),
];

/// What must not be reachable from a room, however long the way.
const UNREACHABLE: &[(&str, &[&str])] = &[
    ("lakegate-model", &["tokio", "futures", "async-trait", "tonic", "hyper", "polars", "actix", "rusqlite", "notify"]),
    // Polars brings a client of object stores of its own; the room's sources name none, see HOMES.
    ("lakegate-quality", &["tonic", "actix", "rusqlite", "aws-"]),
    ("lakegate-proto", &["polars", "actix", "rusqlite"]),
    ("lakegate-sdk", &["polars", "actix", "rusqlite"]),
    ("lakegate-telemetry", &["polars", "actix", "rusqlite"]),
    ("lakegate-coordinator", &["polars", "aws-", "rusqlite", "notify"]),
    ("lakegate-local", &["polars", "aws-"]),
    ("lakegate-worker", &["actix", "rusqlite", "aws-"]),
    // What the README's first command compiles.
    ("lakegate", &["aws-", "openssl-sys", "native-tls"]),
];

/// Dependencies that no line of a room's own sources names, and why they are there all the same.
const UNNAMED: &[(&str, &str)] = &[
    // Named by the code that `proto/build.rs` generates.
    ("lakegate-proto", "tonic-prost"),
    // Turned on always what AWS's crates turn on in them: see the root manifest.
    ("lakegate", "digest"),
];

const MAX_LINES: usize = 500;
/// Files that are longer, each for a reason.
const LONG_FILES: &[&str] = &[];

/// What `cargo metadata` says. It is read as JSON: a crate that reads it turns on a feature of
/// serde_json, and Polars would be compiled once more for the tests alone.
fn metadata() -> &'static Value {
    static METADATA: OnceLock<Value> = OnceLock::new();
    METADATA.get_or_init(|| serde_json::from_str(&cargo(&["metadata", "--locked", "--format-version", "1"])).expect("metadata is JSON"))
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(workspace()).output().expect("cargo can be run");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}

/// A crate of this workspace.
struct Room {
    name: &'static str,
    id: &'static str,
    folder: PathBuf,
    dependencies: Vec<Dependency>,
}

/// A crate that a room's manifest names.
struct Dependency {
    name: &'static str,
    rename: Option<&'static str>,
    /// Only the room's tests and examples have it.
    is_for_tests: bool,
}

fn text(value: &'static Value, key: &str) -> &'static str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn items(value: &'static Value) -> &'static [Value] {
    value.as_array().expect("an array")
}

fn rooms() -> Vec<Room> {
    let members: BTreeSet<&str> = items(&metadata()["workspace_members"]).iter().filter_map(Value::as_str).collect();
    let packages = items(&metadata()["packages"]).iter().filter(|package| members.contains(text(package, "id")));
    let dependency = |dependency: &'static Value| Dependency {
        name: text(dependency, "name"),
        rename: dependency["rename"].as_str(),
        is_for_tests: dependency["kind"] == "dev",
    };
    let room = |package: &'static Value| Room {
        name: text(package, "name"),
        id: text(package, "id"),
        folder: Path::new(text(package, "manifest_path")).parent().expect("a manifest is in a folder").to_owned(),
        dependencies: items(&package["dependencies"]).iter().map(dependency).collect(),
    };
    packages.map(room).collect()
}

fn room(name: &str) -> Room {
    rooms().into_iter().find(|room| room.name == name).unwrap_or_else(|| panic!("there is no room {name}"))
}

#[test]
fn arrows_between_rooms_point_one_way() {
    let names: BTreeSet<&str> = rooms().iter().map(|room| room.name).collect();
    let told: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).chain(FREE.iter().copied()).collect();
    assert_eq!(names, told, "every room is in the list of arrows, and every listed room is there");

    for (name, allowed) in ARROWS {
        for dependency in room(name).dependencies.iter().filter(|dependency| names.contains(dependency.name)) {
            assert!(allowed.contains(&dependency.name), "{name} must not import {}", dependency.name);
        }
    }
}

#[test]
fn third_party_crates_stay_in_their_rooms() {
    for (prefix, homes) in HOMES {
        for room in rooms() {
            // A test may set up what its room must not link.
            let linked = room.dependencies.iter().any(|dependency| dependency.name.starts_with(prefix) && !dependency.is_for_tests);
            assert!(!linked || homes.contains(&room.name), "{} must not import {prefix}*", room.name);
        }
    }
}

#[test]
fn what_a_room_must_not_link_is_not_reachable_from_it() {
    for (name, forbidden) in UNREACHABLE {
        for (reached, way) in reachable(room(name).id) {
            let bad = forbidden.iter().any(|prefix| reached.starts_with(prefix));
            assert!(!bad, "{name} must not link {reached}, and does by way of {way}");
        }
    }
}

/// Every crate that a room links, by name, with the way there.
fn reachable(from: &'static str) -> BTreeMap<&'static str, String> {
    let nodes: BTreeMap<&str, &Value> = items(&metadata()["resolve"]["nodes"]).iter().map(|node| (text(node, "id"), node)).collect();
    let names: BTreeMap<&str, &str> =
        items(&metadata()["packages"]).iter().map(|package| (text(package, "id"), text(package, "name"))).collect();
    let mut found = BTreeMap::new();
    let mut ways = vec![(from, String::new())];
    while let Some((id, way)) = ways.pop() {
        let linked = items(&nodes[id]["deps"]).iter().filter(|dep| items(&dep["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()));
        for id in linked.map(|dep| text(dep, "pkg")) {
            let way = format!("{way} → {}", names[id]);
            if found.insert(names[id], way.clone()).is_none() {
                ways.push((id, way));
            }
        }
    }
    found
}

#[test]
fn the_tests_compile_nothing_that_the_first_command_has_compiled() {
    let linked = |packages: &[&str]| -> BTreeSet<String> {
        let tree = ["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p} {f}"];
        let lines = cargo(&[&tree, packages].concat());
        // A crate of the workspace has its path in brackets, one that was shown before a star.
        lines.lines().map(|line| line.trim_end_matches("(*)").trim().to_owned()).filter(|line| !line.contains('(')).collect()
    };
    let (alone, together) = (linked(&["--package", "lakegate"]), linked(&["--workspace"]));
    let other: Vec<&String> = alone.difference(&together).collect();
    assert!(other.is_empty(), "the whole workspace turns on more features of: {other:#?}");
}

#[test]
fn only_actors_name_actix() {
    for source in sources(&room("lakegate-coordinator").folder) {
        let named = code_lines(&source).find(|(_, line)| names_crate(line, "actix"));
        let is_actor = source.starts_with(workspace().join("coordinator/src/actors"));
        assert!(is_actor || named.is_none(), "{}:{} names actix", source.display(), named.map_or(0, |(number, _)| number));
    }
}

#[test]
fn every_dependency_is_used() {
    let mut wrong = Vec::new();
    for room in rooms() {
        let code: Vec<String> = sources(&room.folder).iter().map(|path| fs::read_to_string(path).expect("a source file")).collect();
        for dependency in &room.dependencies {
            let name = dependency.rename.unwrap_or(dependency.name).replace('-', "_");
            let used = code.iter().any(|text| text.lines().any(|line| names_crate(line, &name)));
            match (used, UNNAMED.contains(&(room.name, dependency.name))) {
                (true, true) => wrong.push(format!("{} names {} and need not be excused", room.name, dependency.name)),
                (false, false) => wrong.push(format!("{} does not use {}", room.name, dependency.name)),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_room_keeps_the_lints_of_the_workspace() {
    for room in rooms().into_iter().filter(|room| room.name != "lakegate-tests") {
        let manifest = fs::read_to_string(room.folder.join("Cargo.toml")).expect("a manifest");
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} has lints of its own", room.name);
    }
}

#[test]
fn every_source_file_says_what_it_is_for() {
    for path in all_sources() {
        let text = fs::read_to_string(&path).expect("a source file");
        let name_tells = path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| stem.ends_with("tests") || stem == "build");
        assert!(name_tells || text.starts_with("//! "), "{} has no module header", path.display());
    }
}

#[test]
fn no_source_file_is_too_long() {
    let root = workspace();
    for path in all_sources() {
        let lines = code_lines(&path).count();
        let listed = path.strip_prefix(root).ok().and_then(Path::to_str).is_some_and(|path| LONG_FILES.contains(&path));
        assert!(
            (lines > MAX_LINES) == listed,
            "{} has {lines} lines{}",
            path.display(),
            if listed { " and is listed as long" } else { "" }
        );
    }
}

/// The lines of a file with their numbers, whole-line comments left out.
fn code_lines(path: &Path) -> impl Iterator<Item = (usize, String)> {
    let text = fs::read_to_string(path).expect("a source file");
    let lines: Vec<(usize, String)> = text.lines().map(str::to_owned).enumerate().map(|(index, line)| (index + 1, line)).collect();
    lines.into_iter().filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether a line has the crate's name as a path's or attribute's beginning: `actix::`, `use actix`.
fn names_crate(line: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        let begins = !before.ends_with(is_word) && !before.ends_with("::");
        let path = after.starts_with("::") || (before.trim_end().ends_with("use") && !after.starts_with(is_word));
        begins && path
    })
}

fn all_sources() -> Vec<PathBuf> {
    rooms().iter().flat_map(|room| sources(&room.folder)).collect()
}

/// The Rust files of a room, build scripts, tests and examples included.
fn sources(room: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![room.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a source folder") {
            let path = entry.expect("the folder can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|suffix| suffix == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn crate_names_are_told_from_other_words() {
    for line in ["use actix::Actor;", "    actix::spawn(x)", "pub use actix as a;", "#[actix::main]", "let a: actix::Addr<B>;"] {
        assert!(names_crate(line, "actix"), "{line}");
    }
    for line in ["use actix_rt::System;", "crate::actix::x", "my_actix::x", "let actix = 1;"] {
        assert!(!names_crate(line, "actix"), "{line}");
    }
}
