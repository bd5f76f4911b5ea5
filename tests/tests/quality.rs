//! `lakegate quality` as its user sees it: what is printed, what is written, and how it exits.

use std::fs;

use lakegate_tests::kit::{Finished, Lake, duckdb};
use serde_json::{Value, json};

/// People, some of them incomplete.
const PEOPLE: &str = "\
id,name,country,age
1,Ada,GB,36
2,Bo,SE,
3,Cy,XX,41
4,Di,SE,29
";

const PASSING: &str = "Rules = [ RowCount = 4, IsUnique \"id\", IsComplete \"name\" ]\n";

const FAILING: &str = "Rules = [
    RowCount = 4,
    IsComplete \"age\" with level = \"warn\",
    ColumnValues \"country\" in [\"GB\",\"SE\"],
    Completeness \"agee\" > 0.9 labels = [\"owner\" = \"people\"]
]
";

/// A scratch folder with data and rulesets, and the command run in it.
struct Scratch(Lake);

impl Scratch {
    fn new() -> Scratch {
        let lake = Lake::new();
        lake.file("people.csv", PEOPLE).file("passing.dqdl", PASSING).file("failing.dqdl", FAILING);
        Scratch(lake)
    }

    fn path(&self, name: &str) -> String {
        self.0.dir().join(name).to_str().unwrap().to_owned()
    }

    /// Runs `lakegate quality` in the folder, so that paths are as short as people write them.
    fn quality(&self, arguments: &[&str]) -> Finished {
        let mut command = self.0.command(&[&["quality"], arguments].concat());
        let output = command.current_dir(self.0.dir()).output().unwrap();
        Finished {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn run(&self, rules: &str, more: &[&str]) -> Finished {
        self.quality(&[&["run", "--rules", rules, "--data", "people.csv"], more].concat())
    }

    fn json(&self, rules: &str, more: &[&str], code: i32) -> Value {
        let finished = self.run(rules, &[&["-o", "json"], more].concat()).expect_code(code);
        serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error} in {}", finished.stdout))
    }
}

fn outcomes(told: &Value) -> Vec<&str> {
    told["rules"].as_array().unwrap().iter().map(|rule| rule["outcome"].as_str().unwrap()).collect()
}

#[test]
fn a_ruleset_is_checked_and_printed() {
    let scratch = Scratch::new();
    let ok = scratch.quality(&["check", "passing.dqdl"]).expect_code(0);
    assert_eq!((ok.stdout.as_str(), ok.stderr.as_str()), ("ok: 3 rules\n", ""));
    let printed = scratch.quality(&["check", "failing.dqdl", "--print"]).expect_code(0).stdout;
    scratch.0.file("printed.dqdl", &printed);
    assert_eq!(scratch.quality(&["check", "printed.dqdl", "--print"]).expect_code(0).stdout, printed, "it prints itself as it is");
    assert!(printed.contains("IsComplete \"age\" with level = \"warn\""), "{printed}");
    let told: Value = serde_json::from_str(&scratch.quality(&["check", "passing.dqdl", "-o", "json"]).expect_code(0).stdout).unwrap();
    assert_eq!(told, json!({ "ok": true, "file": "passing.dqdl", "rules": 3, "analyzers": 0, "diagnostics": [] }));
}

#[test]
fn what_is_wrong_with_a_ruleset_is_shown_at_its_place() {
    let scratch = Scratch::new();
    scratch.0.file("bad.dqdl", "Rules = [\n    IsComplte \"name\"\n]\n");
    let shown = scratch.quality(&["check", "bad.dqdl"]).expect_code(2);
    assert_eq!(shown.stdout, "");
    let lines: Vec<&str> = shown.stderr.lines().collect();
    assert!(lines[0].starts_with("bad.dqdl:2:5: ") && lines[0].contains("IsComplte"), "{}", shown.stderr);
    assert_eq!(lines[1], "    2 |     IsComplte \"name\"");
    assert!(lines[2].starts_with("      |     ^^^^^^^^^") && lines[2].contains("IsComplete"), "{}", shown.stderr);

    let told = scratch.quality(&["check", "bad.dqdl", "-o", "json"]).expect_code(2);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let place = &told["diagnostics"][0];
    assert_eq!((&told["ok"], &place["file"], &place["line"], &place["column"]), (&json!(false), &json!("bad.dqdl"), &json!(2), &json!(5)));

    for format in ["table", "json", "junit", "html"] {
        let run = scratch.run("bad.dqdl", &["-o", format]).expect_code(2);
        assert!(run.stdout.is_empty() && run.stderr.contains("bad.dqdl:2:5: "), "{format}: {run:?}");
    }
}

#[test]
fn columns_are_held_against_data() {
    let scratch = Scratch::new();
    scratch.quality(&["check", "passing.dqdl", "--data", "people.csv"]).expect_code(0);
    let wrong = scratch.quality(&["check", "failing.dqdl", "--data", "people.csv"]).expect_code(2);
    assert!(
        wrong.stdout.is_empty() && wrong.stderr.contains("failing.dqdl:5:18: ") && wrong.stderr.contains("\"age\""),
        "{}",
        wrong.stderr
    );
}

#[test]
fn sql_is_read_before_there_is_data_and_held_against_it_when_there_is() {
    let scratch = Scratch::new();
    scratch.0.file(
        "sql.dqdl",
        "Rules = [\n    IsComplete \"name\" where \"agee > 30\",\n    CustomSql \"select nosuch(age) from primary\" > 0\n]\n",
    );
    let shown = scratch.quality(&["check", "sql.dqdl"]).expect_code(2).stderr;
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].starts_with("sql.dqdl:3:23: ") && lines[0].contains("unsupported function"), "{shown}");
    assert_eq!(lines[1], "    3 |     CustomSql \"select nosuch(age) from primary\" > 0");
    assert!(lines[2].starts_with("      |                       ^^^^^^ it is none of the SQL functions of Polars"), "{shown}");
    let shown = scratch.quality(&["check", "sql.dqdl", "--data", "people.csv"]).expect_code(2).stderr;
    assert!(shown.contains("sql.dqdl:2:30: there is no column \"agee\"") && shown.contains("did you mean \"age\"?"), "{shown}");
    scratch
        .0
        .file("sql.dqdl", "Rules = [ CustomSql \"select count(*) from primary p join other o on p.name = o.name where p.age > 30\" > 0 ]");
    scratch.quality(&["check", "sql.dqdl"]).expect_code(0);
    let shown = scratch.quality(&["check", "sql.dqdl", "--data", "people.csv"]).expect_code(2).stderr;
    assert!(shown.contains("there is no table other here"), "{shown}");
    scratch.quality(&["check", "sql.dqdl", "--data", "people.csv", "--reference", "other=people.csv"]).expect_code(0);
}

#[test]
fn data_that_can_not_be_read_is_2_and_names_the_file() {
    let scratch = Scratch::new();
    scratch.0.file("count.dqdl", "Rules = [ RowCount > 0 ]");
    scratch.0.file("wide.csv", "id,name\n1,x\n2,y,z\n");
    scratch.0.file("cut.parquet", "PAR1 and no more");
    for (data, told) in [("wide.csv", "wide.csv: line 3 has 3 fields where the header has 2"), ("cut.parquet", "cut.parquet: ")] {
        for format in ["table", "json"] {
            let finished = scratch.quality(&["run", "--rules", "count.dqdl", "--data", data, "-o", format]).expect_code(2);
            assert!(finished.stdout.is_empty() && finished.stderr.contains(told), "{finished:?}");
        }
    }
}

#[test]
fn passing_is_0_failing_is_1_and_nothing_but_data_is_printed() {
    let scratch = Scratch::new();
    let passed = scratch.run("passing.dqdl", &["-o", "json"]).expect_code(0);
    assert_eq!(passed.stderr, "");
    let told: Value = serde_json::from_str(&passed.stdout).unwrap();
    assert_eq!((&told["outcome"], &told["score"], &told["rows"]), (&json!("Passed"), &json!(1.0), &json!(4)));
    let rule = json!({
        "rule": "RowCount = 4", "outcome": "Passed", "reason": null, "metrics": { "Dataset.*.RowCount": 4.0 }, "labels": {}, "level": "error",
    });
    assert_eq!(told["rules"][0], rule);

    let told = scratch.json("failing.dqdl", &[], 1);
    assert_eq!((&told["outcome"], &told["score"]), (&json!("Error"), &json!(0.25)));
    assert_eq!(outcomes(&told), ["Passed", "Failed", "Failed", "Error"]);
    let rules = &told["rules"];
    assert_eq!((&rules[1]["level"], &rules[3]["labels"]), (&json!("warn"), &json!({ "owner": "people" })));
    assert_eq!(rules[1]["metrics"], json!({ "Column.age.Completeness": 0.75 }));
    assert!(rules[3]["reason"].as_str().unwrap().contains("agee"), "{rules}");

    let table = scratch.run("failing.dqdl", &[]).expect_code(1);
    assert_eq!(table.stderr, "");
    assert!(table.stdout.contains("1 of 4 rules hold, score 25%: 1 failed, 1 in error, 1 warning  (4 rows)"), "{}", table.stdout);
    assert!(!table.stdout.contains('\u{1b}'), "no colour where there is no terminal");
}

#[test]
fn a_warning_does_not_fail() {
    let scratch = Scratch::new();
    scratch.0.file("warn.dqdl", "Rules = [ IsComplete \"age\" with level = \"warn\" ]");
    let told = scratch.json("warn.dqdl", &[], 0);
    assert_eq!((&told["outcome"], outcomes(&told)), (&json!("Passed"), vec!["Failed"]));
    let xml = scratch.run("warn.dqdl", &["-o", "junit"]).expect_code(0).stdout;
    assert!(xml.contains("failures=\"0\" errors=\"0\" skipped=\"1\"") && xml.contains("<skipped message=\"warning: "), "{xml}");
}

#[test]
fn what_is_wrong_with_the_question_is_2() {
    let scratch = Scratch::new();
    scratch.0.file("data.bin", "?");
    for arguments in [
        &["run", "--rules", "none.dqdl", "--data", "people.csv"][..],
        &["run", "--rules", "passing.dqdl", "--data", "none.csv"],
        &["run", "--rules", "passing.dqdl", "--data", "data.bin"],
        &["run", "--rules", "passing.dqdl", "--data", "people.csv", "--reference", "other"],
        &["run", "--rules", "passing.dqdl", "--data", "people.csv", "--reference", "other=none.csv"],
        &["run", "--rules", "passing.dqdl", "--data", "people.csv", "--rows", "none/rows.parquet"],
        &["run", "--rules", "passing.dqdl", "--data", "people.csv", "--history", "people.csv"],
        &["run", "--rules", "passing.dqdl"],
        &["run", "--data", "people.csv"],
        &["check", "passing.dqdl", "-o", "junit"],
    ] {
        let finished = scratch.quality(arguments).expect_code(2);
        assert!(finished.stdout.is_empty() && !finished.stderr.is_empty(), "{arguments:?}: {finished:?}");
    }
    let other = scratch.0.run(&["status", "-o", "html"]).expect_code(2);
    assert!(other.stdout.is_empty() && other.stderr.contains("quality run"), "{other:?}");
}

#[test]
fn rules_compare_with_references() {
    let scratch = Scratch::new();
    scratch.0.file("countries.csv", "code\nGB\nSE\n");
    scratch
        .0
        .file("keys.dqdl", "Rules = [ ReferentialIntegrity \"country\" \"countries.code\" >= 0.7, RowCountMatch \"countries\" = 2.0 ]");
    let told = scratch.json("keys.dqdl", &["--reference", "countries=countries.csv"], 0);
    assert_eq!(told["rules"][0]["metrics"], json!({ "Column.countries.ReferentialIntegrity": 0.75 }));
    let told = scratch.json("keys.dqdl", &[], 1);
    assert_eq!(outcomes(&told), ["Error", "Error"], "a reference that nobody named is an error of the rules");
}

#[test]
fn rules_put_together_are_asked_of_the_whole_or_of_each_row() {
    let scratch = Scratch::new();
    scratch.0.file("either.dqdl", "Rules = [ (IsComplete \"age\") or (ColumnValues \"country\" = \"SE\") ]");
    scratch.0.file("ratio.dqdl", "Rules = [ (Completeness \"age\" > 0.5) or (IsComplete \"id\") ]");
    let of = |rules: &str, method: &[&str], code: i32| outcomes(&scratch.json(rules, method, code)).join(",");
    assert_eq!(of("either.dqdl", &[], 1), "Failed", "neither part holds of all rows");
    assert_eq!(of("either.dqdl", &["--composites", "dataset"], 1), "Failed");
    assert_eq!(of("either.dqdl", &["--composites", "ROW"], 0), "Passed", "each row holds one of them");
    assert_eq!(of("ratio.dqdl", &["--composites", "dataset"], 0), "Passed");
    let told = scratch.json("ratio.dqdl", &["--composites", "row"], 1);
    assert_eq!(outcomes(&told), ["Error"]);
    assert!(told["rules"][0]["reason"].as_str().unwrap().contains("Completeness \"age\" > 0.5"), "{told}");
    scratch.run("either.dqdl", &["--composites", "rows"]).expect_code(2);
}

#[test]
fn rows_are_written_with_what_the_rules_say() {
    let scratch = Scratch::new();
    scratch.0.file("rows.dqdl", "Rules = [ RowCount = 4, IsComplete \"age\", ColumnValues \"country\" in [\"GB\",\"SE\"] ]");
    scratch.run("rows.dqdl", &["--rows", "rows.parquet"]).expect_code(1);
    let file = duckdb::parquet_files(&[scratch.0.dir().join("rows.parquet")]);
    let columns = duckdb::query(&format!("SELECT column_name AS name FROM (DESCRIBE FROM {file})"));
    let names: Vec<&str> = columns.iter().map(|column| column["name"].as_str().unwrap()).collect();
    let outcomes = ["DataQualityRulesPass", "DataQualityRulesFail", "DataQualityRulesSkip", "DataQualityEvaluationResult"];
    assert_eq!(names, [&["id", "name", "country", "age"][..], &outcomes].concat());
    let (age, country, count) = ("IsComplete \"age\"", "ColumnValues \"country\" in [\"GB\",\"SE\"]", "RowCount = 4");
    let rows = duckdb::query(&format!("SELECT id, {} FROM {file} ORDER BY id", outcomes.join(", ")));
    for (row, (passed, failed, result)) in rows.iter().zip([
        (vec![age, country], vec![], "Passed"),
        (vec![country], vec![age], "Failed"),
        (vec![age], vec![country], "Failed"),
        (vec![age, country], vec![], "Passed"),
    ]) {
        assert_eq!(row["DataQualityRulesPass"], json!(passed), "{row}");
        assert_eq!(row["DataQualityRulesFail"], json!(failed), "{row}");
        assert_eq!(row["DataQualityRulesSkip"], json!([count]), "{row}");
        assert_eq!(row["DataQualityEvaluationResult"], json!(result), "{row}");
    }
    assert_eq!(rows.len(), 4);
    let left: Vec<_> = fs::read_dir(scratch.0.dir()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.starts_with(".lakegate-rows")), "{left:?}");
}

#[test]
fn build_servers_read_the_xml() {
    let scratch = Scratch::new();
    let xml = scratch.run("failing.dqdl", &["-o", "junit"]).expect_code(1);
    assert_eq!(xml.stderr, "");
    fs::write(scratch.path("junit.xml"), &xml.stdout).unwrap();
    let script = "
import json, sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
[suite] = root
cases = [[case.get('name'), [child.tag for child in case if child.tag != 'system-out']] for case in suite.iter('testcase')]
print(json.dumps({'root': root.tag, 'suite': {key: suite.get(key) for key in ('name', 'tests', 'failures', 'errors', 'skipped')}, 'cases': cases}))
";
    let output = std::process::Command::new("python3").args(["-c", script, &scratch.path("junit.xml")]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(read["suite"], json!({ "name": "failing.dqdl", "tests": "4", "failures": "1", "errors": "1", "skipped": "1" }));
    let kinds: Vec<&Value> = read["cases"].as_array().unwrap().iter().map(|case| &case[1]).collect();
    assert_eq!(kinds, [&json!([]), &json!(["skipped"]), &json!(["failure"]), &json!(["error"])]);
    assert_eq!(read["cases"][2][0], "ColumnValues \"country\" in [\"GB\",\"SE\"]");
}

#[test]
fn rules_look_back_at_the_history_file() {
    let scratch = Scratch::new();
    scratch.0.file("grows.dqdl", "Rules = [ RowCount > last(1) ]");
    let history = ["--history", "history.json"];
    scratch.0.file("people.csv", &PEOPLE[..PEOPLE.find("3,Cy").unwrap()]);
    scratch.run("grows.dqdl", &history);
    scratch.0.file("people.csv", PEOPLE);
    scratch.run("grows.dqdl", &history).expect_code(0);
    scratch.run("grows.dqdl", &history).expect_code(1);
    let kept: Value = serde_json::from_str(&fs::read_to_string(scratch.path("history.json")).unwrap()).unwrap();
    let values: Vec<f64> =
        kept["statistics"]["RowCount"].as_array().unwrap().iter().map(|point| point["value"].as_f64().unwrap()).collect();
    assert_eq!(values, [2.0, 4.0, 4.0]);
}

#[test]
fn a_profile_suggests_rules_that_hold() {
    let scratch = Scratch::new();
    let rows: String =
        (0..200).map(|i| format!("{i},{},{}\n", ["GB", "SE"][i % 2], if i % 10 == 0 { String::new() } else { i.to_string() })).collect();
    scratch.0.file("many.csv", &format!("id,country,age\n{rows}"));
    let data = ["--data", "many.csv"];
    let profile = scratch.quality(&[&["profile", "-o", "json"][..], &data].concat()).expect_code(0);
    let profile: Value = serde_json::from_str(&profile.stdout).unwrap();
    let nulls: Vec<(&Value, &Value)> =
        profile["columns"].as_array().unwrap().iter().map(|column| (&column["name"], &column["nulls"])).collect();
    assert_eq!(nulls, [(&json!("id"), &json!(0)), (&json!("country"), &json!(0)), (&json!("age"), &json!(20))]);
    let table = scratch.quality(&[&["profile"][..], &data].concat()).expect_code(0).stdout;
    assert!(table.contains("200 rows, 3 columns") && table.contains("GB 50%, SE 50%"), "{table}");
    scratch.quality(&["profile", "--data", "many.csv", "--columns", "none"]).expect_code(2);

    let suggested = scratch.quality(&[&["suggest"][..], &data].concat()).expect_code(0);
    assert_eq!(suggested.stderr, "");
    assert!(suggested.stdout.contains("\n    IsComplete \"country\",\n"), "{}", suggested.stdout);
    scratch.0.file("suggested.dqdl", &suggested.stdout);
    scratch.quality(&[&["check", "suggested.dqdl"][..], &data].concat()).expect_code(0);
    scratch.quality(&[&["run", "--rules", "suggested.dqdl"][..], &data].concat()).expect_code(0);
}

#[test]
fn states_spare_what_is_known() {
    let scratch = Scratch::new();
    let lines = PEOPLE.lines().collect::<Vec<_>>();
    scratch.0.file("people/1.csv", &format!("{}\n", lines[..3].join("\n"))).file("people/2.csv", &format!("{}\n{}\n", lines[0], lines[3]));
    scratch.0.file("rules.dqdl", "Rules = [ RowCount >= 3, IsUnique \"id\", Mean \"age\" > 30, Completeness \"name\" = 1.0 ]");
    let run = |states: &[&str], code: i32| {
        let arguments = [&["run", "--rules", "rules.dqdl", "--data", "people", "-o", "json"], states].concat();
        let finished = scratch.quality(&arguments).expect_code(code);
        (serde_json::from_str::<Value>(&finished.stdout).unwrap(), finished.stderr)
    };
    let states = ["--states", "states"];
    let same = |code: i32| {
        let (told, said) = run(&states, code);
        assert_eq!(told, run(&[], code).0);
        said
    };
    assert_eq!(same(0), "");
    let first = fs::read(scratch.path("states")).unwrap();
    assert_eq!(same(0), "");
    assert_eq!(fs::read(scratch.path("states")).unwrap(), first, "without news nothing is written");

    // A new file, while an old one has other rows, in as many bytes and with its old time: nobody reads it.
    let one = scratch.path("people/1.csv");
    let (whole, modified) = (fs::read_to_string(&one).unwrap(), fs::metadata(&one).unwrap().modified().unwrap());
    scratch.0.file("people/3.csv", &format!("{}\n{}\n", lines[0], lines[4]));
    let wanted = run(&[], 0).0;
    fs::write(&one, whole.replace("1,Ada", "4,Ada")).unwrap();
    fs::File::options().write(true).open(&one).unwrap().set_modified(modified).unwrap();
    assert_eq!(run(&[], 1).0["rules"][1]["outcome"], "Failed");
    assert_eq!(run(&states, 0), (wanted, String::new()));
    // A file that is another one is measured again, and so is a new key that was there before.
    scratch.0.file("people/1.csv", &whole.replace("1,Ada", "44,Ada"));
    assert_eq!(same(0), "");
    scratch.0.file("people/4.csv", "id,name,country,age\n44,Eve,GB,33\n");
    assert_eq!(same(1), "");

    // What is damaged is told, measured again and whole afterwards.
    let mut damaged = fs::read(scratch.path("states")).unwrap();
    damaged.truncate(100);
    fs::write(scratch.path("states"), damaged).unwrap();
    let said = same(1);
    assert!(said.contains("warning: states is damaged"), "{said}");
    assert_eq!(same(1), "");
    // What never was a file of states is not written over.
    let refused = scratch.run("rules.dqdl", &["--states", "rules.dqdl"]).expect_code(2);
    assert!(refused.stdout.is_empty() && refused.stderr.contains("rules.dqdl is no file of states"), "{}", refused.stderr);
    scratch.quality(&["check", "rules.dqdl"]).expect_code(0);
}
