//! Texts that are deep, long or large: refused cleanly, or read in linear time.

use std::time::{Duration, Instant};

use lakegate_quality::language::{check, check_rules, parse};

/// Such a text is refused for its depth, on the small stack of a test's thread.
fn assert_too_deep(source: &str) {
    let diagnostics = parse(source).unwrap_err();
    let deep = diagnostics.iter().any(|diagnostic| diagnostic.message.contains("nested more than 100 deep"));
    assert!(deep, "{:?}", diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>());
}

#[test]
fn depth_is_refused() {
    for depth in [101, 1_000, 100_000] {
        let (open, close) = ("(".repeat(depth), ")".repeat(depth));
        assert_too_deep(&format!("Rules = [ {open}RowCount > 1{close} ]"));
        assert_too_deep(&format!("Rules = [ RowCount > {open}1{close} ]"));
        assert_too_deep(&format!("Rules = [ RowCount > {}1{close} ]", "avg(".repeat(depth)));
        assert_too_deep(&format!("Rules = [ RowCount in [{open}1{close}, 2] ]"));
        assert_too_deep(&format!("Rules = [ {open}RowCount > 1"));
        assert_too_deep(&format!("Rules = [ RowCount > {open}"));
        assert_too_deep(&format!("Rules = [ {}RowCount > 1{close} ]", "(RowCount > 1) or (".repeat(depth)));
    }
    let (open, close) = ("(".repeat(100), ")".repeat(100));
    for source in [format!("Rules = [ {open}RowCount > 1{close} ]"), format!("Rules = [ RowCount > {open}1{close} ]")] {
        assert!(parse(&source).is_ok(), "{source}");
    }
}

#[test]
fn other_nested_brackets_are_refused() {
    for depth in [2, 1_000, 100_000] {
        for bracket in ["[", "{", "\"a\" = [", "in ["] {
            for before in
                ["Rules = ", "Rules = [ RowCount in ", "Metadata = ", "a = ", "DefaultLabels = ", "Rules = [ RowCount > 1 labels = "]
            {
                assert!(parse(&format!("{before}{}", bracket.repeat(depth))).is_err());
            }
        }
    }
}

#[test]
fn after_a_rule_that_is_too_deep_the_next_is_read() {
    let deep = format!("Rules = [ {}RowCount > 1{}, Foo, RowCount > 1 ]", "(".repeat(1_000), ")".repeat(1_000));
    let messages: Vec<_> = parse(&deep).unwrap_err().into_iter().map(|diagnostic| diagnostic.message).collect();
    assert_eq!(messages, ["this is nested more than 100 deep", "there is no rule `Foo`"]);
}

#[test]
fn operators_are_counted() {
    let sum = |operators: usize| format!("Rules = [ RowCount > 1{} ]", " + 1".repeat(operators));
    assert!(parse(&sum(100)).is_ok());
    for operators in [101, 100_000] {
        assert_eq!(parse(&sum(operators)).unwrap_err()[0].message, "there are more than 100 operators");
    }
    // Brackets don't multiply them: the tree would be as deep as the product.
    let product = (0..99).fold("1".to_owned(), |inner, _| format!("({inner}{})", " + 1".repeat(90)));
    assert!(parse(&format!("Rules = [ RowCount > {product} ]")).is_err());
    let list = vec!["1 + 1"; 1_000].join(", ");
    assert!(parse(&format!("Rules = [ RowCount in [{list}] ]")).is_ok(), "each operand has its own");
}

#[test]
fn variables_do_not_multiply() {
    let list = vec!["\"0123456789\""; 10_000].join(",");
    let rules = vec!["ColumnValues \"a\" in $l"; 10_000].join(",");
    let diagnostics = parse(&format!("l = [{list}] Rules = [ {rules} ]")).unwrap_err();
    assert_eq!(diagnostics[0].message, "the variables of this ruleset come to too much text");
    let text = "x".repeat(1 << 20);
    assert!(parse(&format!("l = \"{text}\" Rules = [ {} ]", vec!["IsComplete $l"; 20].join(","))).is_err());
}

#[test]
fn patterns_are_bounded() {
    for pattern in ["(".repeat(100_000), "(?:".repeat(1_000), "(a{1000}){1000}".to_owned(), "[".repeat(100_000), "(?=".repeat(10_000)] {
        let source = format!("Rules = [ ColumnValues \"a\" matches \"{pattern}\" ]");
        let ruleset = parse(&source).unwrap();
        let begin = Instant::now();
        assert_eq!(check_rules(&ruleset, &source).len(), 1);
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    }
}

/// Reads a text of a size and one ten times as large: the time may grow by the same, with room for a busy machine.
fn assert_linear(name: &str, source: impl Fn(usize) -> String) {
    let time = |size: usize| {
        let source = source(size);
        let measure = || {
            let begin = Instant::now();
            if let Ok(ruleset) = parse(&source) {
                check_rules(&ruleset, &source);
                check(&ruleset, &source, &["a", "b"], &["ref"]);
                assert!(!ruleset.to_string().is_empty());
            }
            begin.elapsed()
        };
        measure().min(measure())
    };
    let (small, large) = (time(2_000), time(20_000));
    assert!(large < small * 40 + Duration::from_millis(200), "{name}: {small:?} for the small one, {large:?} for ten times as much");
}

#[test]
fn time_is_linear() {
    assert_linear("rules", |size| format!("Rules = [ {} ]", vec!["ColumnValues \"a\" in [1, 2] with level = \"warn\""; size].join(",\n")));
    assert_linear("wrong rules", |size| format!("Rules = [ {} ]", vec!["Foo \"a\" in [1, 2]"; size].join(",\n")));
    assert_linear("wrong rules that were never closed", |size| format!("Rules = [ {}", vec!["RowCount > (1"; size].join(",\n")));
    assert_linear("one wrong word", |size| format!("Rules = [ {} ]", "Foo".repeat(size)));
    assert_linear("parts", |size| format!("Rules = [ {} ]", vec!["(RowCount > 1)"; size].join(" or ")));
    assert_linear("operands", |size| format!("Rules = [ RowCount in [{}] ]", vec!["1"; size].join(",")));
    assert_linear("parameters", |size| format!("Rules = [ IsUnique {} ]", "\"a\" ".repeat(size)));
    assert_linear("groups", |size| {
        format!("Rules = [ RowCount > 1 group by {} ]", (0..size).map(|group| format!("\"{group}\" ")).collect::<String>())
    });
    assert_linear("labels", |size| {
        let labels: Vec<String> = (0..size).map(|label| format!("\"{label}\"=\"a\"")).collect();
        format!("DefaultLabels = [{}] Rules = [ RowCount > 1 labels=[{}] ]", labels.join(","), labels.join(","))
    });
    assert_linear("tags", |size| {
        format!("Rules = [ RowCount > 1{} ]", (0..size).map(|tag| format!(" with t{tag} = 1")).collect::<String>())
    });
    assert_linear("variables", |size| {
        let variables: String = (0..size).map(|variable| format!("v{variable} = \"a\"\n")).collect();
        let rules: Vec<String> = (0..size).map(|variable| format!("IsComplete $v{variable}")).collect();
        format!("{variables} Rules = [ {} ]", rules.join(","))
    });
    assert_linear("one string", |size| format!("Rules = [ IsComplete \"{}\" ]", "a\\\"\n".repeat(size)));
    assert_linear("an open string", |size| format!("Rules = [ IsComplete \"{}", "a\n".repeat(size)));
    assert_linear("other quotes", |size| format!("Rules = [ {} ]", "' ".repeat(size)));
    assert_linear("other quotes without an end", |size| "“".repeat(size));
    assert_linear("characters without meaning", |size| ";".repeat(size));
    assert_linear("open brackets", |size| format!("Rules = [ {}", "( [ { ".repeat(size)));
    assert_linear("closed brackets", |size| format!("Rules = [ {}", ") ] } ".repeat(size)));
    assert_linear("commas", |size| format!("Rules = [ {} ]", ",".repeat(size)));
    assert_linear("comments", |size| format!("{}Rules = [ RowCount > 1 ]", "# a\n".repeat(size)));
    assert_linear("sections", |size| "Rules = [ Foo ] ".repeat(size));
    assert_linear("digits", |size| format!("Rules = [ RowCount > {} ]", "1".repeat(size)));
    assert_linear("signs", |size| format!("Rules = [ RowCount > {} ]", "- ".repeat(size)));
}
