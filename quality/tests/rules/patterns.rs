//! Columns that are called like patterns of names, `*` and `^…$`, are columns like all others.

use std::fs;

use super::*;

const CSV: &str = "id,*,^i.*$\n1,5,a\n2,,b\n3,7,\n";

const CASES: &[(&str, Outcome)] = &[
    ("IsComplete \"id\"", PASSED),
    ("Completeness \"*\" between 0.6 and 0.7", PASSED),
    ("Mean \"*\" = 6", PASSED),
    ("IsUnique \"*\"", PASSED),
    ("ColumnLength \"^i.*$\" <= 1", PASSED),
    ("IsComplete \"^i.*$\" where \"\\\"*\\\" < 6\"", PASSED),
    ("RowCount = 1 where \"\\\"*\\\" > 5\"", PASSED),
    ("RowCount = 1 where \"\\\"^i.*$\\\" = 'b'\"", PASSED),
    ("ColumnValues \"id\" = 3 where \"\\\"*\\\" > 5 and \\\"^i.*$\\\" is null\"", PASSED),
    ("IsComplete \"^i.*$\" where \"\\\"*\\\" > 6\"", FAILED),
    ("RowCount = 1 where \"\\\"^x.*$\\\" = 'b'\"", ERROR),
    ("CustomSql \"select count(*) from primary\" = 3", PASSED),
    ("CustomSql \"select * from primary\"", PASSED),
    ("CustomSql \"select sum(\\\"*\\\") from primary\" = 12", PASSED),
    ("CustomSql \"select sum(p.\\\"*\\\") from primary p\" = 12", PASSED),
    ("CustomSql \"select id, \\\"*\\\", \\\"^i.*$\\\" from primary where \\\"^i.*$\\\" is not null\" with threshold > 0.6", PASSED),
    ("CustomSql \"select id from primary where \\\"^i.*$\\\" = 'a'\"", FAILED),
    ("CustomSql \"select sum(\\\"^x$\\\") from primary\" = 12", ERROR),
];

#[test]
fn rules_name_them_as_any_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.csv");
    fs::write(&path, CSV).unwrap();
    let file = Dataset::of_files(&[path], None).unwrap();
    let frame = Dataset::of_frame(file.scan().unwrap().collect().unwrap());
    let rules: Vec<&str> = CASES.iter().map(|(rule, _)| *rule).collect();
    let rules = parse(&format!("Rules = [{}]", rules.join(",\n")));
    for data in [file, frame] {
        let evaluated = evaluate(&rules, &data, &context());
        assert!(evaluated.unread().is_none(), "{:?}", evaluated.unread());
        for (result, (rule, wanted)) in evaluated.evaluation.rules.iter().zip(CASES) {
            assert_eq!(result.outcome, *wanted, "{rule}: {:?}", result.reason);
        }
        assert_eq!(evaluated.rows().unwrap().collect().unwrap().height(), 3);
    }
}

#[test]
fn rows_that_break_a_rule_are_found_by_them() {
    let frame = df!("*" => [1, 2, 3], "^a$" => ["x", "y", "z"]).unwrap();
    let evaluated = run(&frame, "ColumnValues \"*\" < 3, ColumnValues \"^a$\" = \"x\" where \"\\\"*\\\" < 2\"");
    let rows = evaluated.failing_rows().unwrap().collect().unwrap();
    assert_eq!((rows.height(), rows.column("*").unwrap().i32().unwrap().get(0)), (1, Some(3)));
}

#[test]
fn sql_may_name_them_before_any_run_too() {
    let schema = Schema::from_iter([Field::new("*".into(), DataType::Int64)]);
    let known = lakegate_quality::evaluate::Known { schema: Some(&schema), ..Default::default() };
    let source = "Rules = [ CustomSql \"select sum(\\\"*\\\") from primary\" > 1, RowCount = 1 where \"\\\"*\\\" > 1\" ]";
    let found = lakegate_quality::evaluate::check_sql(&parse(source), source, &known);
    assert!(found.is_empty(), "{found:?}");
    let source = "Rules = [ CustomSql \"select max(\\\"*\\\"), sum(nosuch) from primary\" > 1 ]";
    let found = lakegate_quality::evaluate::check_sql(&parse(source), source, &known);
    assert!(found.len() == 1 && found[0].message.contains("nosuch"), "{found:?}");
}
