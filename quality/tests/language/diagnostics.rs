//! What is said about rulesets that are wrong: where, what, and what to do.

use crate::said::{assert_said, diagnostics, rule_said};

#[test]
fn names_of_rules() {
    rule_said("«IsCompelte» \"a\"", "there is no rule `IsCompelte`", "did you mean `IsComplete`?");
    rule_said("«rowcuont» > 1", "there is no rule `rowcuont`", "did you mean `RowCount`?");
    rule_said("«Whatever» \"a\"", "there is no rule `Whatever`", "");
    rule_said("«11ColumnValues» \"load_dt\" > (now() - 1 days)", "there is no rule `11ColumnValues`", "did you mean `ColumnValues`?");
    assert_said("Rules = [ «\"a\"» ]", "expected the name of a rule, found the string \"a\"", "");
    assert_said("Rules = [ RowCount > 1 «,» ]", "nothing follows this comma", "leave it out");
    assert_said("Rules = [ RowCount > 1«,»]", "nothing follows this comma", "leave it out");
    assert_said("Rules = [ «,» ]", "expected the name of a rule, found `,`", "");
    rule_said("«AllStatistics» \"a\"", "`AllStatistics` only measures", "it belongs between the brackets of `Analyzers`");
    assert_said(
        "Analyzers = [ «IsComplete» \"a\" ]",
        "`IsComplete` is not measured, it holds or not",
        "it belongs between the brackets of `Rules`",
    );
    assert_said(
        "Analyzers = [ Completeness \"a\" «>» 1 ]",
        "expected `,` or `]`, found `>`",
        "an analyzer only measures: it has a name and parameters, no condition",
    );
}

#[test]
fn quotes() {
    assert_said("Rules = [ IsComplete «\"a ]»", "this string is not closed", "a double quote `\"` is missing");
    assert_said(
        "Rules = [\n  IsComplete «\"a,»\n  IsComplete \"b\",\n  IsComplete \"c\"\n]",
        "this string is not closed",
        "a double quote `\"` is missing",
    );
    // A query may well go over lines.
    assert_said(
        "Rules = [\n  CustomSql \"select *\n    from primary\",\n  IsComplete «\"a»\n]",
        "this string is not closed",
        "a double quote `\"` is missing",
    );
    // Two are missing: no string is open at the end.
    let said = diagnostics("Rules = [\n  IsComplete \"a,\n  IsComplete \"b\",\n  IsComplete c\"\n]");
    assert_eq!(said[0].hint, "a double quote may be missing: there are rules in a string");
    let said = diagnostics("Rules = [\n  RowCount > 1 where \"a,\n  IsComplete \"b\",\n  IsComplete c\"\n]");
    assert_eq!(said[0].hint, "a double quote may be missing: the string before goes on since line 2");
    rule_said("IsComplete «'a'»", "strings are in double quotes", "write `\"` around it");
    rule_said("IsComplete «“größe”»", "strings are in double quotes", "write `\"` around it");
    rule_said("IsComplete «größe»", "`größe` has letters that a name without quotes can't have", "put it in double quotes");
    rule_said("IsComplete «Ölpreis»", "`Ölpreis` has letters that a name without quotes can't have", "put it in double quotes");
    rule_said("ColumnValues \"a\" = «b»", "expected something to compare with, found `b`", "strings are in double quotes");
    rule_said("ColumnValues \"a\" matches «b»", "expected a regular expression in double quotes, found `b`", "write `matches \"[a-z]+\"`");
    rule_said("RowCount > 1 where «a»", "expected SQL in double quotes, found `a`", "rows are chosen by `where \"amount > 0\"`");
}

#[test]
fn characters_without_meaning() {
    rule_said("RowCount > 1 «;»", "`;` has no meaning here", "rules are separated by commas");
    rule_said("RowCount > 1 «→»", "`→` has no meaning here", "");
    rule_said(
        "RowCount > 3 «%» ",
        "`%` has no meaning here",
        "numbers are reckoned with by + - * /; rules are put together by `and` and `or`",
    );
    rule_said("IsComplete «$» ", "there is no name after `$`", "a variable is written `$name`");
}

#[test]
fn sections() {
    let rules = "Rules = [ RowCount > 1 ]";
    assert_said("«»", "there are no rules and no analyzers", "a ruleset is written `Rules = [ RowCount > 0 ]`");
    assert_said("# nothing«»\n", "there are no rules and no analyzers", "a ruleset is written `Rules = [ RowCount > 0 ]`");
    assert_said("Rules = [ ]«»", "there are no rules and no analyzers", "a ruleset is written `Rules = [ RowCount > 0 ]`");
    assert_said("«RowCount» > 1", "expected a section, found `RowCount`", "rules are written `Rules = [ … ]`");
    assert_said("«Rule»: [ RowCount > 1 ]", "expected `=`, found `Rule`", "a section is written `Rules = [ … ]`");
    assert_said("Rules «[» RowCount > 1 ]", "expected `=`, found `[`", "a section is written `Rules = [ … ]`");
    assert_said("«Rulse» [ RowCount > 1 ]", "expected a section, found `Rulse`", "did you mean `Rules`?");
    assert_said(&format!("{rules} «text»"), "expected the end of the text, found `text`", "");
    assert_said(&format!("{rules} «]»"), "expected the end of the text, found `]`", "");
    assert_said(
        &format!("{rules} «IsComplete» \"a\""),
        "expected the end of the text, found `IsComplete`",
        "rules are between the brackets of `Rules`",
    );
    assert_said(&format!("{rules} «Rules» = [ RowCount > 1 ]"), "there is a section `Rules` already", "put all that it has into one");
    let order = "sections come in this order: Metadata, DataSources, DefaultLabels, Rules, Analyzers";
    assert_said("Analyzers = [ RowCount ] «Rules» = [ RowCount > 1 ]", "`Rules` comes too late", order);
    assert_said(&format!("{rules} «Metadata» = {{ \"Version\": \"1.0\" }}"), "`Metadata` comes too late", order);
    assert_said(&format!("{rules} «a» = \"b\""), "the variable `a` comes too late", "variables come before `DefaultLabels` and `Rules`");
    assert_said("Rules = «RowCount» > 1", "expected `[`, found `RowCount`", "the section is a list in square brackets");
    assert_said("Rules = [ RowCount > 1«»", "expected `,` or `]`, found the end of the text", "the list is not closed");
    assert_said("Rules = [«»", "expected the name of a rule, found the end of the text", "the list is not closed");
    assert_said(
        "Rules = [ RowCount > 1 «Analyzers» = [ RowCount ]",
        "expected `,` or `]`, found `Analyzers`",
        "the list before is not closed",
    );
}

#[test]
fn dictionaries() {
    let rules = "Rules = [ RowCount > 1 ]";
    assert_said(&format!("Metadata = {{ «\"Verison\"»: \"1\" }} {rules}"), "`Metadata` has no \"Verison\"", "did you mean `Version`?");
    assert_said(&format!("Metadata = {{ «\"Author\"»: \"a\" }} {rules}"), "`Metadata` has no \"Author\"", "its only key is \"Version\"");
    assert_said(&format!("Metadata = {{ \"Version\": \"1\", «\"Version\"»: \"2\" }} {rules}"), "\"Version\" is here twice", "");
    assert_said(&format!("Metadata = {{ «}}» {rules}"), "expected a key in double quotes, found `}`", "");
    assert_said(
        &format!("Metadata = {{ \"Version\": «1.0» }} {rules}"),
        "expected a string, found `1.0`",
        "a value is a string in double quotes, or a list of them",
    );
    assert_said(&format!("DataSources = {{ «\"Secondary\"»: \"a\" }} {rules}"), "`DataSources` has no \"Secondary\"", "");
    assert_said(
        &format!("DataSources = {{ «\"AdditionalDataSources\"»: \"a\" }} {rules}"),
        "additional sources are a list",
        "write `\"AdditionalDataSources\": [\"a\"]`",
    );
    assert_said(
        &format!("DataSources = {{ «\"Primary\"»: [\"a\"] }} {rules}"),
        "there is one primary source",
        "write `\"Primary\": \"name\"`",
    );
}

#[test]
fn variables() {
    let numbers = "variables are strings or lists of strings, never numbers";
    assert_said("least = «100»\nRules = [ CustomSql $least ]", "expected a string, found `100`", numbers);
    assert_said("«_a» = \"b\" Rules = [ RowCount > 1 ]", "names of variables can't begin with `.` or `_`", "");
    assert_said("a = \"b\" «a» = \"c\" Rules = [ RowCount > 1 ]", "there is a variable `a` already", "");
    assert_said(
        "a = \"b\" «c = \"x $a\"» Rules = [ RowCount > 1 ]",
        "the variable `c` refers to a variable",
        "write its value out: variables stand for themselves in rules only",
    );
    assert_said("column = \"a\" Rules = [ IsComplete «$colum» ]", "there is no variable `colum`", "did you mean `column`?");
    assert_said("Rules = [ IsComplete «$a» ]", "there is no variable `a`", "write `a = \"…\"` before `Rules`");
    assert_said("l = [\"a\"] Rules = [ IsComplete «$l» ]", "`l` is a list, and a parameter is one string", "lists go behind `in`");
    assert_said("l = [\"a\"] Rules = [ ColumnValues \"a\" = «$l» ]", "`l` is a list", "write `in $l`");
    assert_said("l = \"a\" Rules = [ ColumnValues \"a\" in «$l» ]", "`l` is one string, not a list", "write `= $l`");
    assert_said("l = [\"1\"] Rules = [ RowCount in «$l» ]", "this compares with a string, and a number is needed", "for example `> 0.9`");
    assert_said(
        "l = [«]» Rules = [ RowCount > 1 ]",
        "expected a string, found `]`",
        "a value is a string in double quotes, or a list of them",
    );
}

#[test]
fn what_follows_is_read_too() {
    let said = diagnostics(
        "Rules = [\n  IsCompelte \"a\",\n  ColumnValues \"a\" in [1, \"2\"],\n  (RowCount > ) and (RowCount < 5),\n  IsComplete \"a\",\n  Mean \"b\",\n  RowCount > now(\n]\nAnalyzers = [ IsUnique \"a\", Foo ]",
    );
    assert_eq!(said.len(), 7, "{said:#?}");
    assert_eq!((said[5].line, said[5].column, said[6].column), (9, 15, 29), "the next section is read after a bracket that is not closed");
}

#[test]
fn a_bracket_that_is_not_closed_hides_no_other_rule() {
    let said = diagnostics("Rules = [ ColumnValues \"a\" in [1, 2, IsComplete \"b\", Foo \"c\" ]");
    let messages: Vec<_> = said.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
    assert_eq!(messages, ["expected something to compare with, found `IsComplete`", "there is no rule `Foo`"]);
}

#[test]
fn carets_count_characters_and_lines_of_every_kind() {
    let said = diagnostics("Rules = [\r\n\t\"größe\" \r\n]\r\n");
    assert_eq!((said[0].line, said[0].column, said[0].length, said[0].source.as_str()), (2, 2, 7, "\t\"größe\" "));
}

#[test]
fn not_all_is_said_if_much_is_wrong() {
    let source = format!("Rules = [ {} ]", vec!["Foo"; 10_000].join(", "));
    assert_eq!(diagnostics(&source).len(), 20);
    assert_eq!(diagnostics(&"ß".repeat(10_000).replace('ß', "ß ")).len(), 20);
}
