//! Rulesets against the columns and references that there are, and against themselves.

use lakegate_quality::language::{Diagnostic, check, check_rules, parse};

const COLUMNS: &[&str] = &["id", "email", "Amount", "info", "a.b", "day"];
const ALIASES: &[&str] = &["ref", "old"];

fn said(rules: &str) -> Vec<(String, String)> {
    let source = format!("Rules = [\n{rules}\n]");
    let ruleset = parse(&source).unwrap_or_else(|diagnostics| panic!("{source}: {diagnostics:#?}"));
    plain(check(&ruleset, &source, COLUMNS, ALIASES))
}

fn plain(diagnostics: Vec<Diagnostic>) -> Vec<(String, String)> {
    diagnostics.into_iter().map(|diagnostic| (diagnostic.message, diagnostic.hint)).collect()
}

fn assert_said(rules: &str, message: &str, hint: &str) {
    assert_eq!(said(rules), [(message.to_owned(), hint.to_owned())], "{rules}");
}

#[test]
fn what_is_there_is_fine() {
    for rules in [
        "IsComplete \"id\", IsUnique \"id\" \"email\", Mean \"Amount\" > 1 group by \"day\"",
        "IsComplete \"info.first\", IsComplete \"a.b\"",
        "IsComplete \"`a.b`\", Mean \"`Amount`\" > 1",
        "ColumnExists \"missing\", ColumnNamesMatchPattern \"[a-z]+\", RowCount > avg(last(10))",
        "ReferentialIntegrity \"id, email\" \"ref.{x,y}\" = 1, ReferentialIntegrity \"id\" \"old.x\" = 1",
        "DatasetMatch \"ref\" \"id->key,day\" \"email->mail\" = 1, SchemaMatch \"ref\" = 1, RowCountMatch \"old\" = 1",
        "AggregateMatch \"sum(Amount)\" \"SUM( ref.amount )\" > 0.9, AggregateMatch \"avg(a.b)\" \"avg(old.a)\" = 1",
        "AggregateMatch \"sum(primary.Amount)\" \"sum(ref.x)\" = 1, AggregateMatch \"avg(old.x)\" \"avg(primary.a.b)\" = 1",
        "CustomSql \"select nothing from nowhere\", DetectAnomalies \"Completeness\" \"email\"",
        "DistributionMatch \"Amount\" \"ref.amount\" \"ks\" < 0.1",
        "ColumnPair \"id\" \"<\" \"Amount\", NoGaps \"day\" \"1 day\", Quantile \"Amount\" \"0.5\" > 1",
        "(IsComplete \"id\") or ((IsComplete \"email\") and (IsComplete \"day\"))",
        "FileSize \"anywhere\" > 1 KB",
    ] {
        assert_eq!(said(rules), [], "{rules}");
    }
    let analyzers = "Analyzers = [ AllStatistics of AllColumns, Distribution of AllColumns, Completeness \"id\" ]";
    assert_eq!(check(&parse(analyzers).unwrap(), analyzers, COLUMNS, &[]), []);
}

#[test]
fn what_is_not_there_is_told_with_the_nearest_name() {
    assert_said("IsComplete \"emial\"", "there is no column \"emial\"", "did you mean \"email\"?");
    assert_said("IsComplete \"amount\"", "there is no column \"amount\"", "did you mean \"Amount\"?");
    assert_said("IsComplete \"x\"", "there is no column \"x\"", "there are: id, email, Amount, info, a.b, day");
    assert_said("IsUnique \"id\" \"emial\"", "there is no column \"emial\"", "did you mean \"email\"?");
    assert_said("Mean \"Amount\" > 1 group by \"dya\"", "there is no column \"dya\"", "there are: id, email, Amount, info, a.b, day");
    assert_said("SchemaMatch \"reff\" = 1", "there is no reference \"reff\"", "did you mean \"ref\"?");
    assert_said("ReferentialIntegrity \"id,emial\" \"ref.x\" = 1", "there is no column \"emial\"", "did you mean \"email\"?");
    assert_said("ReferentialIntegrity \"id\" \"x\" = 1", "\"x\" names no column of a reference", "write \"reference.column\"");
    assert_said("DatasetMatch \"ref\" \"key->id\" = 1", "there is no column \"key\"", "there are: id, email, Amount, info, a.b, day");
    assert_said("AggregateMatch \"sum(amount)\" \"sum(ref.x)\" = 1", "there is no column \"amount\"", "did you mean \"Amount\"?");
    assert_said("AggregateMatch \"sum(Amount)\" \"sum(rfe.x)\" = 1", "there is no reference \"rfe\"", "there are: ref, old");
    assert_said("AggregateMatch \"sum(primary.amount)\" \"sum(ref.x)\" = 1", "there is no column \"amount\"", "did you mean \"Amount\"?");
    assert_said("DetectAnomalies \"Mean\" \"amount\"", "there is no column \"amount\"", "did you mean \"Amount\"?");
    assert_said("Format \"emial\" \"email\"", "there is no column \"emial\"", "did you mean \"email\"?");
    assert_said("(RowCount > 1) or ((IsComplete \"emial\") and (RowCount < 9))", "there is no column \"emial\"", "did you mean \"email\"?");
    let source = "Analyzers = [ Mean amount ]";
    assert_eq!(plain(check(&parse(source).unwrap(), source, COLUMNS, &[]))[0].0, "there is no column \"amount\"");
    let source = "Rules = [ SchemaMatch \"ref\" = 1 ]";
    assert_eq!(plain(check(&parse(source).unwrap(), source, COLUMNS, &[]))[0].1, "there is no reference at all");
}

#[test]
fn places_are_those_of_the_names() {
    let source = "c = \"emial\"\nRules = [\n  Mean \"Amount\" > 1,\n  IsUnique \"id\" $c group by \"x\"\n]";
    let said = check(&parse(source).unwrap(), source, COLUMNS, &[]);
    let places: Vec<_> = said.iter().map(|diagnostic| (diagnostic.line, diagnostic.column, diagnostic.length)).collect();
    assert_eq!(places, [(4, 17, 2), (4, 29, 3)]);
}

#[test]
fn functions_and_patterns_are_checked_without_data() {
    let check = |rules: &str| {
        let source = format!("Rules = [ {rules} ]");
        plain(check_rules(&parse(&source).unwrap(), &source))
    };
    let one = |rules: &str, message: &str, hint: &str| assert_eq!(check(rules), [(message.to_owned(), hint.to_owned())], "{rules}");
    one("RowCount > medain(last(3))", "there is no function `medain`", "did you mean `median`?");
    one("RowCount > foo(1)", "there is no function `foo`", "there are last, avg, median, max, min, sum, std, abs, index");
    one(
        "RowCount > last(5)",
        "`last(5)` is several values, and one is needed",
        "write `avg(last(5))`, or another of median, max, min, sum, std",
    );
    one("RowCount > avg()", "`avg` takes one argument, as `last(10)`", "");
    one("RowCount > avg(last(0))", "`last` takes nothing, or how many values, from 1", "");
    one("RowCount > index(last(3))", "`index` takes earlier values and a place from 0, as `last(7), 6`", "");
    one(
        "ColumnValues \"a\" > 1 with threshold > foo(1)",
        "there is no function `foo`",
        "there are last, avg, median, max, min, sum, std, abs, index",
    );
    one(
        "AggregateMatch \"max(a)\" \"sum(b)\" > 1",
        "\"max(a)\" is no aggregate that can be compared",
        "write \"sum(column)\" or \"avg(reference.column)\"",
    );
    for rules in ["ColumnValues \"a\" matches \"(\"", "ColumnNamesMatchPattern \"[\"", "FileSize > 1 with uriRegex = \"*\""] {
        assert!(check(rules)[0].0.starts_with("this regular expression can't be read: "), "{rules}: {:?}", check(rules));
    }
    assert_eq!(check("ColumnValues \"a\" matches \"(?<!a)b\\\\d(?=c)\", RowCount > index(last(7), 6) - abs(std(last(3)))"), []);
}
