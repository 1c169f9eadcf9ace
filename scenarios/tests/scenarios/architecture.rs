//! The map says where things are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The crates with the layers that the map gives them.
fn layers(crates: &[String]) -> BTreeMap<String, u32> {
    let map = read(&repository().join("ARCHITECTURE.md"));
    let drawn = map.split("A crate uses only crates of a lower layer.").nth(1).expect("the layers are drawn");
    let drawn = drawn.split("```").nth(1).expect("in a fence");
    let mut layers = BTreeMap::new();
    for line in drawn.lines() {
        let mut words = line.split_whitespace();
        let Some(layer) = words.next().and_then(|word| word.parse().ok()) else { continue };
        // What the layer is for follows the names, in other words.
        for name in words.take_while(|word| crates.iter().any(|name| name == word)) {
            layers.insert(name.to_owned(), layer);
        }
    }
    layers
}

/// The crates of ours that another one is built with.
fn uses(name: &str, crates: &[String]) -> Vec<String> {
    let manifest = read(&repository().join("crates").join(name).join("Cargo.toml"));
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let dependency = |line: &str| line.split(['.', ' ', '=']).next().unwrap_or_default().to_owned();
    section.lines().map(dependency).filter(|used| crates.contains(used)).collect()
}

#[test]
fn every_crate_uses_only_crates_of_a_lower_layer() {
    let folder = repository().join("crates");
    let entries = std::fs::read_dir(folder).expect("the crates");
    let crates: Vec<String> =
        entries.map(|entry| entry.expect("a crate").file_name().to_string_lossy().into_owned()).collect();
    let layers = layers(&crates);
    // It serves tests alone, and stands beside the layers.
    let drawn = crates.iter().filter(|name| *name != "testkit");
    let missing: Vec<&String> = drawn.clone().filter(|name| !layers.contains_key(*name)).collect();
    assert!(missing.is_empty(), "not on the map: {missing:?}");
    let wrong: Vec<String> = drawn
        .flat_map(|name| uses(name, &crates).into_iter().map(move |used| (name, used)))
        .filter(|(name, used)| layers.get(used).is_none_or(|below| *below >= layers[*name]))
        .map(|(name, used)| format!("{name} uses {used}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
