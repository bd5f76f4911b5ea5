//! Projects in folders.

use std::fs;

use lakegate_model::{Location, project::LedgerAddress};

use super::*;

const PIPELINE: &str = "team: t\ndataset: d\nstages:\n  - { name: s, trigger: object, steps: [ transform: { sql: transforms/s.sql } ], output: { zone: stage } }\n";

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir
}

fn said(dir: &tempfile::TempDir) -> Vec<String> {
    let found = load(dir.path(), None, &Overrides::default()).unwrap_err();
    found.iter().map(|diagnostic| format!("{}: {}", diagnostic.place, diagnostic.message)).collect()
}

#[test]
fn a_project_is_read_from_its_folder() {
    let other = PIPELINE.replace("dataset: d", "dataset: e");
    let dir = folder(&[
        ("lakegate.yaml", b"ledger: sqlite:l.db\n"),
        ("pipelines/z.yml", PIPELINE.as_bytes()),
        ("pipelines/a/b.yaml", other.as_bytes()),
        ("pipelines/.hidden.yaml", b"team: ["),
        ("pipelines/notes.txt", b"team: ["),
        ("transforms/s.sql", "\u{feff}SELECT * FROM input".as_bytes()),
    ]);
    let project = load(dir.path(), None, &Overrides::default()).unwrap();
    let root = fs::canonicalize(dir.path()).unwrap();
    assert_eq!(project.settings.ledger, LedgerAddress::Sqlite(root.join("l.db").to_str().unwrap().into()));
    assert_eq!(project.settings.zones.raw, Location::of_path(root.join("lake/raw").to_str().unwrap()));
    assert_eq!(
        project.pipelines.iter().map(|(path, _)| path.to_str().unwrap()).collect::<Vec<_>>(),
        ["pipelines/a/b.yaml", "pipelines/z.yml"]
    );
    let json = serde_json::to_string(&project.pipelines).unwrap();
    assert!(json.contains(r#""text":"SELECT * FROM input","file":"transforms/s.sql""#), "{json}");
}

#[test]
fn pipelines_say_what_their_rules_ask_of_the_past() {
    let audited = PIPELINE.replace(" ], output", ", quality: { rules: quality/s.dqdl } ], output");
    let dir = folder(&[
        ("pipelines/a.yaml", audited.as_bytes()),
        ("transforms/s.sql", b"SELECT * FROM input"),
        ("quality/s.dqdl", b"Rules = [ RowCount > avg(last(7)), Mean \"a\" > 1, DetectAnomalies \"Sum\" \"a\" ]"),
    ]);
    let project = load(dir.path(), None, &Overrides::default()).unwrap();
    let json = serde_json::to_string(&project.pipelines).unwrap();
    assert!(json.contains(r#""looks_back":{"RowCount":7,"Sum \"a\"":1000}"#), "{json}");
}

#[test]
fn a_folder_that_is_no_project_says_so() {
    assert!(said(&folder(&[("a.csv", b"x")])).concat().contains("no lake project"));
    assert!(
        load(folder(&[("pipelines/p.yaml", PIPELINE.as_bytes()), ("transforms/s.sql", b"SELECT 1")]).path(), None, &Overrides::default())
            .is_ok()
    );
    let missing = load(Path::new("/no/such/folder"), None, &Overrides::default()).unwrap_err();
    assert_eq!(missing.first().map(ToString::to_string), Some("/no/such/folder: no such folder".into()));
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let dir = folder(&[
        ("lakegate.yaml", b"ledgr: x\n"),
        ("pipelines/a.yaml", PIPELINE.as_bytes()),
        ("pipelines/b.yaml", b"team: t\xff"),
        ("pipelines/c.yaml", b"team: ["),
        ("sql/s.sql", b"SELECT 1"),
    ]);
    assert_eq!(settings(dir.path(), None, &Overrides::default()).map_err(|found| found.len()), Err(1));
    let expected = [
        "lakegate.yaml:1:1: unknown key `ledgr`",
        "pipelines/a.yaml:4:60: SQL file `transforms/s.sql` does not exist",
        "pipelines/b.yaml: can't be read: it is not UTF-8 (line 1); save it as UTF-8",
        "pipelines/c.yaml:1:8: not valid YAML: while parsing a node, did not find expected node content",
    ];
    assert_eq!(said(&dir), expected);
    let hints = load(dir.path(), None, &Overrides::default()).unwrap_err();
    assert!(hints.iter().any(|diagnostic| diagnostic.hint == "did you mean `sql/s.sql`?"));
}

#[test]
fn the_example_is_a_project() {
    let project = load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/nyc-flights")), None, &Overrides::default());
    let names: Vec<String> = project.unwrap().pipelines.into_iter().map(|(_, pipeline)| pipeline.dataset.dataset).collect();
    assert_eq!(names, ["airlines", "airports", "flights", "planes", "weather"]);
}

#[test]
fn what_is_wrong_with_rules_is_said_in_their_file() {
    let pipeline = PIPELINE.replace(
        "transform: { sql: transforms/s.sql }",
        "transform: { sql: transforms/s.sql }, quality: { rules: quality/q.dqdl, references: { cities: geo.cities } }",
    );
    let cities = PIPELINE
        .replace("team: t", "team: geo")
        .replace(" ], output", ", publish: { database: geo, table: cities } ], output")
        .replace("zone: stage", "zone: analytics");
    let of = |rules: &str| {
        folder(&[
            ("pipelines/geo.yaml", cities.as_bytes()),
            ("pipelines/p.yaml", pipeline.as_bytes()),
            ("pipelines/q.yaml", pipeline.replace("dataset: d", "dataset: e").as_bytes()),
            ("transforms/s.sql", b"SELECT 1 AS a"),
            ("quality/q.dqdl", rules.as_bytes()),
        ])
    };
    let good = "Rules = [\n  IsComplete \"id\",\n  ReferentialIntegrity \"a,b\" \"cities.{a,b}\" = 1.0,\n  ColumnValues \"n\" > 0\n]\n";
    let loaded = load(of(good).path(), None, &Overrides::default());
    assert!(loaded.is_ok(), "{loaded:?}");

    let said_of = |rules: &str| said(&of(rules));
    let [misspelt] = said_of("Rules = [\n  IsCompleet \"id\"\n]\n").try_into().unwrap();
    assert!(misspelt.starts_with("quality/q.dqdl:2:3: "), "{misspelt}");
    let [alias] = said_of(&good.replace("cities.", "citys.")).try_into().unwrap();
    assert!(alias.starts_with("quality/q.dqdl:3:") && alias.contains("citys"), "{alias}");
    let sql = "Rules = [\n  CustomSql \"select count(*) from primary p join cities c on p.a = c.a\" > 0,\n  IsComplete \"id\" where \"n > 1\"\n]\n";
    let loaded = load(of(sql).path(), None, &Overrides::default());
    assert!(loaded.is_ok(), "{loaded:?}");
    let [table] = said_of(&sql.replace("join cities", "join citys")).try_into().unwrap();
    assert!(table.starts_with("quality/q.dqdl:2:50: there is no table citys here"), "{table}");
    let [filter] = said_of(&sql.replace("n > 1", "n > max(n)")).try_into().unwrap();
    assert!(filter.starts_with("quality/q.dqdl:3:30: max is of many rows"), "{filter}");
}
