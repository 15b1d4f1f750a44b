//! Every invalid config of `tests/fixtures/config-invalid` fails with exactly the error that lies beside it.

use lazaret::config::{Keymap, Settings, Theme};
use std::path::Path;

#[test]
fn invalid_configs_fail_with_their_exact_error() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config-invalid");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        seen += 1;
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let (name, text) = (format!("{stem}.toml"), std::fs::read_to_string(&path).unwrap());
        let error = match stem.split('-').next().unwrap() {
            "settings" => Settings::parse(&name, &text).map(drop),
            "keymap" => Keymap::build("default", Some((&name, &text))).map(drop),
            "theme" => Theme::load(stem, Some(&folder)).map(drop),
            other => panic!("{other}: no such kind of config"),
        };
        let said = match error {
            Ok(()) => "(no error)".to_owned(),
            Err(e) => e.to_string().replace(&format!("{}/", folder.display()), ""),
        };
        let expected = std::fs::read_to_string(path.with_extension("err")).unwrap();
        if said != expected.trim_end() {
            wrong.push(format!("{name}\n  said:     {said}\n  expected: {}", expected.trim_end()));
        }
    }
    assert!(seen >= 20, "only {seen} fixtures were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
