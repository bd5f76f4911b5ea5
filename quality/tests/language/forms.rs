//! Forms of the language: what AWS documents, what Lakegate adds, and what each is read as.

use lakegate_quality::language::ast::{
    Comparison, Condition, Level, Node, Number, Operator, ParameterForm, Ruleset, TagValue, TextCondition, TextOperand, VariableValue,
};
use lakegate_quality::language::{RuleType, parse};

fn read(source: &str) -> Ruleset {
    let ruleset = parse(source).unwrap_or_else(|diagnostics| panic!("{source}: {diagnostics:#?}"));
    let printed = ruleset.to_string();
    assert_eq!(parse(&printed).unwrap_or_else(|diagnostics| panic!("{printed}: {diagnostics:#?}")).to_string(), printed);
    ruleset
}

fn rule(text: &str) -> lakegate_quality::language::ast::Rule {
    match read(&format!("Rules = [ {text} ]")).rules.remove(0) {
        Node::Rule(rule) => *rule,
        Node::Composite(_) => panic!("{text}"),
    }
}

fn assert_prints(text: &str, printed: &str) {
    assert_eq!(read(&format!("Rules = [ {text} ]")).rules[0].to_string(), printed);
}

#[test]
fn a_file_with_everything() {
    let source = "# of orders\n\
        Metadata = { \"Version\": \"1.0\" }\r\n\
        DataSources = { \"Primary\": \"orders\", \"AdditionalDataSources\": [\"ref\", \"old orders\"] }\n\
        key = \"order_id\"\nstates = [ \"open\", \"closed\" ]\n\
        DefaultLabels=[ \"team\"=\"sales\" ]\n\
        Rules = [ IsPrimaryKey $key, # the key\n ColumnValues \"state\" in $states labels = [ \"team\" = \"data\" ],\n\
        (RowCount > 1 or IsComplete email) and Mean of \"amount\" > 0.9*avg(last(3)) ]\n\
        Analyzers = [ AllStatistics of AllColumns, Distribution \"state\" ] # the end";
    let printed = "Metadata = {\n    \"Version\": \"1.0\"\n}\n\n\
        DataSources = {\n    \"Primary\": \"orders\",\n    \"AdditionalDataSources\": [\"ref\",\"old orders\"]\n}\n\n\
        key = \"order_id\"\n\nstates = [\"open\",\"closed\"]\n\n\
        DefaultLabels = [\"team\"=\"sales\"]\n\n\
        Rules = [\n    IsPrimaryKey $key,\n    ColumnValues \"state\" in $states labels=[\"team\"=\"data\"],\n    \
        ((RowCount > 1) OR (IsComplete email)) AND (Mean of \"amount\" > 0.9 * avg(last(3)))\n]\n\n\
        Analyzers = [\n    AllStatistics of AllColumns,\n    Distribution \"state\"\n]";
    let ruleset = read(source);
    assert_eq!(ruleset.to_string(), printed);
    assert_eq!(ruleset.metadata, [("Version".to_owned(), vec!["1.0".to_owned()])]);
    assert_eq!((ruleset.primary.as_deref(), ruleset.additional.len()), (Some("orders"), 2));
    assert_eq!(ruleset.variables[1].value, VariableValue::List(vec!["open".to_owned(), "closed".to_owned()]));
    let Node::Rule(key) = &ruleset.rules[0] else { panic!() };
    assert_eq!((key.parameters[0].value.as_str(), &key.parameters[0].form), ("order_id", &ParameterForm::Variable("key".to_owned())));
}

#[test]
fn line_ends_and_comments() {
    let expected = read("Rules = [ RowCount > 1, IsComplete \"a\" ]").to_string();
    for source in [
        "Rules = [\r\n\tRowCount > 1,\r\n\tIsComplete \"a\"\r\n]\r\n",
        "Rules=[RowCount>1,IsComplete\"a\"]",
        "\u{feff}Rules = [ RowCount > 1, # \"one\r\n IsComplete \"a\" ] # end",
        "# ]\nRules = [ RowCount > 1, IsComplete \"a\"\n#\n]#",
    ] {
        assert_eq!(read(source).to_string(), expected);
    }
    assert_eq!(rule("IsComplete \"# no comment\"").parameters[0].value, "# no comment");
}

#[test]
fn and_binds_tighter_than_or() {
    assert_prints(
        "(RowCount > 1) or (RowCount > 2) and (RowCount > 3) or (RowCount > 4)",
        "(RowCount > 1) OR ((RowCount > 2) AND (RowCount > 3)) OR (RowCount > 4)",
    );
    assert_prints("RowCount > 1 and IsComplete \"a\"", "(RowCount > 1) AND (IsComplete \"a\")");
    assert_prints("RowCount between 1 and 2 and RowCount between 3 AND 4", "(RowCount between 1 and 2) AND (RowCount between 3 and 4)");
    assert_prints("IsComplete \"a\" or IsComplete \"b\"", "(IsComplete \"a\") OR (IsComplete \"b\")");
    assert_prints("((((RowCount > 1))))", "RowCount > 1");
    assert_prints("((RowCount > 1) AND (RowCount > 2)) labels=[\"a\"=\"b\"]", "((RowCount > 1) AND (RowCount > 2)) labels=[\"a\"=\"b\"]");
    assert_prints("(RowCount > 1) labels=[\"a\"=\"b\"]", "RowCount > 1 labels=[\"a\"=\"b\"]");
    assert_prints("(RowCount > 1 labels=[\"a\"=\"b\"]) or (RowCount > 2)", "(RowCount > 1 labels=[\"a\"=\"b\"]) OR (RowCount > 2)");
    let nested = "(((RowCount > 1) AND (RowCount > 2)) labels=[\"a\"=\"b\"]) OR (RowCount > 3)";
    assert_prints(nested, nested);
    let Node::Composite(composite) = &read(&format!("Rules = [ {nested} ]")).rules[0] else { panic!() };
    assert_eq!((composite.operator, composite.parts.len(), composite.labels.len()), (Operator::Or, 2, 0));
}

#[test]
fn what_aws_documents_and_its_parser_refuses() {
    assert_prints("RowCount \"id\" > 100", "RowCount \"id\" > 100");
    assert_prints("Completeness \"a\" = \"1.0\"", "Completeness \"a\" = 1.0");
    assert_prints("Completeness \"a\" between \"-0.5\" and \"1\"", "Completeness \"a\" between -0.5 and 1");
    assert_prints("CustomSQL \"select 1\" > 0", "CustomSql \"select 1\" > 0");
    assert_prints("isComplete \"a\"", "IsComplete \"a\"");
    assert_prints("ColumnNamesMatchPattern \"a.*\" where \"b > 1\"", "ColumnNamesMatchPattern \"a.*\" where \"b > 1\"");
    assert_prints("RowCount > 1 with threshold > 0.5", "RowCount > 1 with threshold > 0.5");
    let text = "FileSize > 5 MB with recentFiles = 1 with uriRegex = \".*x\" with filterOrder = [\"uriRegex\",\"recentFiles\"]";
    assert_prints(text, text);
    assert_eq!(rule(text).tags[2].value, TagValue::List(vec!["uriRegex".to_owned(), "recentFiles".to_owned()]));
    assert_eq!(read("Analyzers = [ distribution of \"a\" ]").analyzers[0].kind, RuleType::Distribution);
}

#[test]
fn names_that_the_reference_takes_for_something_else() {
    for name in ["B", "days", "123", "group", "now", "EMPTY", "a.b", "TB"] {
        assert_eq!(rule(&format!("IsComplete {name}")).parameters[0].value, name);
    }
    assert_eq!(rule("IsComplete \"2022-01-01\"").parameters[0].value, "2022-01-01");
    assert_eq!(rule("IsComplete \"in\"").parameters[0].value, "in");
    assert_eq!(rule("IsComplete Mean").parameters[0].value, "Mean");
    assert_eq!(rule("IsUnique \"Mean\" \"Sum\"").parameters.len(), 2);
}

#[test]
fn kinds_of_operands() {
    let condition = |text: &str| rule(&format!("ColumnValues \"a\" {text}")).condition.unwrap();
    assert!(matches!(condition("= NULL"), Condition::Number(Comparison::Compare { operand: Number::Null, .. })));
    assert!(matches!(condition("in [1, null]"), Condition::Number(_)));
    assert!(matches!(condition("= empty"), Condition::Text(TextCondition::Equal { operand: TextOperand::Empty, negated: false })));
    assert!(matches!(condition("!= whitespaces_only"), Condition::Text(TextCondition::Equal { operand: TextOperand::Whitespaces, .. })));
    assert!(matches!(condition("in [NULL, EMPTY]"), Condition::Text(_)));
    assert!(matches!(condition("= \"2022-01-01\""), Condition::Date(_)));
    assert!(matches!(condition("> now ( )"), Condition::Date(_)));
    assert!(matches!(condition("in [\"2022-01-01\", NULL]"), Condition::Date(_)));
    let Condition::Text(TextCondition::In { operands, .. }) = condition("in [\"2022-01-01\", \"foo\", NULL]") else { panic!() };
    assert_eq!(
        operands,
        [TextOperand::Literal("2022-01-01".to_owned()), TextOperand::Literal("foo".to_owned()), TextOperand::Null],
        "a day among strings is one of them"
    );
    assert!(matches!(condition("= \"9:30\""), Condition::Text(_)));
    assert!(matches!(condition("= \"9:30 AM\""), Condition::Date(_)));
    assert!(matches!(rule("ColumnDataType \"a\" = \"2022-01-01\"").condition, Some(Condition::Text(_))));
    assert!(matches!(rule("FileSize between 0 and 1 GB").condition, Some(Condition::Size(_))));
    assert!(matches!(rule("FileSize in [1024, 2048]").condition, Some(Condition::Size(_))));
    assert!(matches!(rule("FileMatch in [NULL]").condition, Some(Condition::Text(_))));
    assert!(matches!(rule("FileFreshness != NULL").condition, Some(Condition::Date(_))));
}

#[test]
fn escapes() {
    let pattern = |text: &str| match rule(&format!("ColumnValues \"a\" matches \"{text}\"")).condition {
        Some(Condition::Text(TextCondition::Matches { pattern, .. })) => pattern.value,
        other => panic!("{other:?}"),
    };
    assert_eq!(pattern(r"\\d{3}"), r"\d{3}");
    assert_eq!(pattern(r"\d{3}"), r"\d{3}", "other escapes are none");
    assert_eq!(pattern(r#"a\"b"#), "a\"b");
    assert_eq!(pattern(r"\\\\"), r"\\");
    assert_eq!(pattern("a\n  b"), "a\n  b");
    assert_prints(r#"ColumnValues "a" matches "\d\\d\"""#, r#"ColumnValues "a" matches "\\d\\d\"""#);
}

#[test]
fn variables_in_conditions() {
    let ruleset = read(
        "x = \"EU\" day = \"2024-01-31\" l = [\"a\", \"2024-01-31\"] Rules = [ ColumnValues \"r\" = $x, ColumnValues \"d\" > $day, ColumnValues \"r\" not in $l, ColumnValues \"r\" in [\"US\", $x], CustomSql $x ]",
    );
    let printed: Vec<String> = ruleset.rules.iter().map(ToString::to_string).collect();
    assert_eq!(
        printed,
        [
            "ColumnValues \"r\" = \"EU\"",
            "ColumnValues \"d\" > \"2024-01-31\"",
            "ColumnValues \"r\" not in $l",
            "ColumnValues \"r\" in [\"US\",\"EU\"]",
            "CustomSql $x",
        ]
    );
}

#[test]
fn what_lakegate_adds() {
    let text = "Mean \"a\" > 1 where \"b > 0\" group by \"c\" \"d e\" labels=[\"k\"=\"v\"] with level = \"warn\"";
    assert_prints(text, text);
    let warn = rule(text);
    assert_eq!((warn.group_by.len(), warn.level, warn.tags.len()), (2, Level::Warn, 0));
    assert_eq!(rule("RowCount > 1 with level = \"error\"").level, Level::Error);
    assert_prints("RowCount > 1 with level = \"error\"", "RowCount > 1");
    for text in [
        "Quantile \"a\" \"0.95\" < 10",
        "Median \"a\" between 1 and 2",
        "Monotonic \"a\"",
        "Monotonic \"a\" \"strictly decreasing\" group by \"b\"",
        "NoGaps \"day\" \"1 day\"",
        "Outliers \"a\" \"mad\" \"3.5\" < 10",
        "DistributionMatch \"a\" \"ref.a\" \"psi\" < 0.1",
        "Format \"a\" \"email\" with mostly >= 0.99",
        "ColumnPair \"a\" \"<=\" \"b\" where \"c\"",
        "MulticolumnSum \"a\" \"b\" \"c\" = 100",
        "NoOverlap \"from\" \"until\" \"key\"",
        "NotConstant \"a\"",
        "ZerosCount \"a\" = 0",
        "Range \"a\" > 1",
        "InterquartileRange \"a\" > 1",
        "Skewness \"a\" > 1",
        "Kurtosis \"a\" > 1",
        "ColumnLength \"a\" < 5 with mostly > 0.9",
        "IsComplete \"a\" with mostly not between 0.1 and 0.9",
        "DetectAnomalies \"Mean\" \"a\" with strategy = \"OnlineNormal\" with upperDeviationFactor = 2.5",
    ] {
        assert_prints(text, text);
    }
}

#[test]
fn tags_that_nobody_knows_are_kept() {
    let kept = rule("RowCount > 1 with somethingNew = \"x\" with other = -1.5");
    assert_eq!(kept.tags.iter().map(|tag| tag.key.as_str()).collect::<Vec<_>>(), ["somethingNew", "other"]);
    assert_eq!(kept.tags[1].value, TagValue::Number("-1.5".to_owned(), -1.5));
    assert!(rule("ColumnValues \"a\" > 1 with Threshold > 0.5").threshold.is_some());
}

#[test]
fn names_of_statistics() {
    let name = |text: &str| rule(text).statistic_name();
    assert_eq!(name("Completeness of email > 1 where \"a = 'b'\" labels=[\"k\"=\"v\"]"), "Completeness \"email\" where \"a = 'b'\"");
    assert_eq!(name("Mean \"a\" > 0.9 * avg(last(3)) group by \"b\" with level = \"warn\""), "Mean \"a\" group by \"b\"");
    let ruleset = read("c = \"email\" Rules = [ Completeness $c > 1 ] Analyzers = [ Completeness of email ]");
    let Node::Rule(of_variable) = &ruleset.rules[0] else { panic!() };
    assert_eq!(of_variable.statistic_name(), ruleset.analyzers[0].statistic_name());
}
