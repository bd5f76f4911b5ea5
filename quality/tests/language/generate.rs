//! Rulesets of every form, for property tests: each is one that a text can say.

use jiff::civil;
use lakegate_quality::language::RuleType;
use lakegate_quality::language::ast::{
    Analyzer, Compare, Comparison, Composite, Condition, Date, Duration, DurationUnit, Label, Level, Node, Number, Operator, Parameter,
    ParameterForm, Rule, Ruleset, Size, SizeUnit, Span, Tag, TagValue, Text, TextCondition, TextOperand, Variable, VariableValue,
};
use lakegate_quality::language::registry::{ConditionKind, Meaning, Need};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const COLUMN: &str = "a \"quoted\" \\ column";
const LIST: [&str; 3] = ["x", "2024-01-01", "\\"];

/// A ruleset with rules and perhaps all other sections.
pub(crate) fn ruleset() -> impl Strategy<Value = Ruleset> {
    let metadata = select(vec![vec![], vec![("Version".to_owned(), vec!["1.0".to_owned()])]]);
    let sources = (prop::option::of(text()), vec(text(), 0..3));
    let analyzers = vec(analyzer(), 0..3);
    (metadata, sources, labels(), vec(node(), 1..4), analyzers).prop_map(|(metadata, sources, default_labels, rules, analyzers)| Ruleset {
        metadata,
        primary: sources.0,
        additional: sources.1,
        variables: vec![
            Variable { name: "column".to_owned(), value: VariableValue::Text(COLUMN.to_owned()), span: Span::default() },
            Variable { name: "list".to_owned(), value: VariableValue::List(LIST.map(str::to_owned).to_vec()), span: Span::default() },
        ],
        default_labels,
        rules,
        analyzers,
    })
}

/// Any string.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_]{1,8}", "[ -~]{0,12}", "\\PC{0,6}", "[\"\\\\\n\r\t#,\\[\\]]{0,6}"]
}

/// A string that is not taken for a date, whose day might not be.
fn literal() -> impl Strategy<Value = String> {
    text().prop_map(|text| if text.starts_with(|first: char| first.is_ascii_digit()) { format!("x{text}") } else { text })
}

fn labels() -> impl Strategy<Value = Vec<Label>> {
    let label = ("[a-z]{1,8}", "[ -~]{1,8}");
    prop_oneof![3 => Just(Vec::new()), 1 => vec(label, 1..4)].prop_map(|labels| {
        labels.into_iter().enumerate().map(|(place, (key, value))| Label { key: format!("{key}{place}"), value }).collect()
    })
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = rule().prop_map(|rule| Node::Rule(Box::new(rule)));
    leaf.prop_recursive(3, 8, 3, |inner| {
        (select(vec![Operator::And, Operator::Or]), vec(inner, 2..4), labels())
            .prop_map(|(operator, parts, labels)| Node::Composite(Composite { operator, parts, labels, span: Span::default() }))
    })
}

fn types(wanted: fn(&RuleType) -> bool) -> impl Strategy<Value = RuleType> {
    select(RuleType::ALL.iter().copied().filter(wanted).collect::<Vec<_>>())
}

fn rule() -> impl Strategy<Value = Rule> {
    types(|kind| kind.spec().rule).prop_flat_map(|kind| {
        parameters(kind).prop_flat_map(move |parameters| {
            let condition = condition(kind, parameters.len());
            (Just(parameters), condition, clauses(kind), tags(kind)).prop_map(move |(parameters, condition, clauses, tags)| {
                let (filter, group_by, labels, level) = clauses;
                let (tags, share) = tags;
                let spec = kind.spec();
                let rows = kind != RuleType::CustomSql || condition.is_none();
                let threshold = share.clone().filter(|_| spec.threshold && rows);
                let mostly = share.filter(|_| spec.row_level && rows && threshold.is_none());
                Rule { kind, parameters, condition, filter, group_by, labels, tags, threshold, mostly, level, span: Span::default() }
            })
        })
    })
}

fn analyzer() -> impl Strategy<Value = Analyzer> {
    types(|kind| kind.spec().analyzer)
        .prop_flat_map(|kind| parameters(kind).prop_map(move |parameters| Analyzer { kind, parameters, span: Span::default() }))
}

fn parameters(kind: RuleType) -> BoxedStrategy<Vec<Parameter>> {
    if kind == RuleType::DetectAnomalies {
        return types(|kind| kind.has_history())
            .prop_flat_map(|watched| {
                parameters(watched).prop_map(move |rest| {
                    std::iter::once(parameter(watched.name().to_owned(), ParameterForm::Bare, Some("of"))).chain(rest).collect()
                })
            })
            .boxed();
    }
    let spec = kind.spec();
    let (fixed, optional) = (spec.fixed.len(), spec.optional.len());
    let most = if spec.rest.is_some() { fixed + optional + 2 } else { fixed + optional };
    (fixed..=most)
        .prop_flat_map(move |count| {
            let meanings: Vec<Meaning> = (0..count).filter_map(|place| spec.meaning(place)).collect();
            meanings.into_iter().map(value).collect::<Vec<_>>()
        })
        .boxed()
}

fn value(meaning: Meaning) -> BoxedStrategy<Parameter> {
    let quoted = |values: BoxedStrategy<String>| values.prop_map(|value| parameter(value, ParameterForm::Quoted, None)).boxed();
    match meaning {
        Meaning::OneOf(words) => quoted(select(words).prop_map(str::to_owned).boxed()),
        Meaning::Quantile => quoted(select(vec!["0", "0.5", "1.0"]).prop_map(str::to_owned).boxed()),
        Meaning::Limit => quoted(Just("3.5".to_owned()).boxed()),
        Meaning::ColumnOrAll => Just(parameter("AllColumns".to_owned(), ParameterForm::Bare, None)).boxed(),
        _ => prop_oneof![
            4 => quoted(text().boxed()),
            1 => Just(parameter(COLUMN.to_owned(), ParameterForm::Variable("column".to_owned()), None)),
            1 => select(vec!["email", "days", "123", "a.b_c", "B"]).prop_map(|word| parameter(word.to_owned(), ParameterForm::Bare, None)),
            1 => select(vec!["of", "OF", "and", "AND"])
                .prop_map(|connector| parameter("email".to_owned(), ParameterForm::Quoted, Some(connector))),
        ]
        .boxed(),
    }
}

fn parameter(value: String, form: ParameterForm, connector: Option<&str>) -> Parameter {
    Parameter { value, form, connector: connector.map(str::to_owned), span: Span::default() }
}

fn condition(kind: RuleType, parameters: usize) -> BoxedStrategy<Option<Condition>> {
    let spec = kind.spec();
    let some = || {
        select(spec.conditions).prop_flat_map(move |of| match of {
            ConditionKind::Number => comparison(number(), Number::Null, true).prop_map(Condition::Number).boxed(),
            ConditionKind::Date => comparison(date(), Date::Null, true).prop_map(Condition::Date).boxed(),
            ConditionKind::Duration => {
                let duration = duration().boxed();
                comparison(duration, Duration { amount: 1, unit: DurationUnit::Days }, false).prop_map(Condition::Duration).boxed()
            }
            ConditionKind::Size => comparison(size().boxed(), Size { amount: 0, unit: None }, false).prop_map(Condition::Size).boxed(),
            ConditionKind::Text => text_condition(kind != RuleType::ColumnDataType).prop_map(Condition::Text).boxed(),
        })
    };
    match spec.need(parameters) {
        Need::Never => Just(None).boxed(),
        Need::Required => some().prop_map(Some).boxed(),
        Need::Optional => prop::option::of(some()).boxed(),
    }
}

/// `null` is among the operands where it may be.
fn comparison<T: Clone + std::fmt::Debug + 'static>(operand: BoxedStrategy<T>, null: T, nulls: bool) -> BoxedStrategy<Comparison<T>> {
    let between =
        (any::<bool>(), operand.clone(), operand.clone()).prop_map(|(negated, low, high)| Comparison::Between { negated, low, high });
    let operators =
        select(vec![Compare::Greater, Compare::GreaterOrEqual, Compare::Less, Compare::LessOrEqual, Compare::Equal, Compare::NotEqual]);
    let compare = (operators, operand.clone()).prop_map(|(operator, operand)| Comparison::Compare { operator, operand });
    let list = (any::<bool>(), vec(operand, 1..4), any::<bool>()).prop_map(move |(negated, mut operands, with_null)| {
        if nulls && with_null {
            operands.push(null.clone());
        }
        Comparison::In { negated, operands }
    });
    prop_oneof![between, compare, list].boxed()
}

fn text_condition(all: bool) -> BoxedStrategy<TextCondition> {
    let literal = literal().prop_map(TextOperand::Literal).boxed();
    let keyword = select(vec![TextOperand::Null, TextOperand::Empty, TextOperand::Whitespaces]);
    let equal = (any::<bool>(), literal.clone()).prop_map(|(negated, operand)| TextCondition::Equal { negated, operand });
    if !all {
        return equal.boxed();
    }
    // What only NULL is compared with is a number.
    let list = (any::<bool>(), literal.clone(), vec(prop_oneof![literal, keyword], 0..3)).prop_map(|(negated, first, mut operands)| {
        operands.insert(0, first);
        TextCondition::In { negated, operands, variable: None }
    });
    let variable = any::<bool>().prop_map(|negated| TextCondition::In {
        negated,
        operands: LIST.map(|value| TextOperand::Literal(value.to_owned())).to_vec(),
        variable: Some("list".to_owned()),
    });
    let matches = (any::<bool>(), text())
        .prop_map(|(negated, value)| TextCondition::Matches { negated, pattern: Text { value, span: Span::default() } });
    prop_oneof![equal, list, variable, matches].boxed()
}

fn number() -> BoxedStrategy<Number> {
    let literal = "-?[0-9]{1,12}(\\.[0-9]{1,12})?".prop_map(|spelled| {
        let value = spelled.parse().unwrap();
        Number::Literal(spelled, value)
    });
    literal
        .prop_recursive(3, 12, 3, |inner| {
            let bracketed = inner.clone().prop_map(|inner| Number::Bracketed(Box::new(inner)));
            let call = (select(vec!["last", "avg", "index", "foo.bar"]), vec(inner.clone(), 0..3))
                .prop_map(|(name, arguments)| Number::Call(name.to_owned(), arguments));
            // On the right of an operator is no other without brackets.
            let arithmetic = (inner, select(vec!['+', '-', '*', '/']), prop_oneof![bracketed.clone(), call.clone()])
                .prop_map(|(left, operator, right)| Number::Arithmetic(Box::new(left), operator, Box::new(right)));
            prop_oneof![bracketed, call, arithmetic]
        })
        .boxed()
}

fn date() -> BoxedStrategy<Date> {
    let day = (0_i16..=9999, 1_i8..=12, 1_i8..=28).prop_map(|(year, month, day)| {
        let day = civil::date(year, month, day);
        Date::Day(day.strftime("%Y-%m-%d").to_string(), day)
    });
    let time =
        (0_i8..24, 0_i8..60).prop_map(|(hour, minute)| Date::Time(format!("{hour:02}:{minute:02}"), civil::time(hour, minute, 0, 0)));
    let offset = (duration(), any::<bool>())
        .prop_map(|(duration, back)| Date::Offset(if back { -duration.amount } else { duration.amount }, duration.unit));
    prop_oneof![day, time, Just(Date::Now), offset].boxed()
}

fn duration() -> impl Strategy<Value = Duration> {
    (0_i64..1_000_000, select(vec![DurationUnit::Days, DurationUnit::Hours, DurationUnit::Minutes]))
        .prop_map(|(amount, unit)| Duration { amount, unit })
}

fn size() -> impl Strategy<Value = Size> {
    let units = vec![None, Some(SizeUnit::B), Some(SizeUnit::Kb), Some(SizeUnit::Mb), Some(SizeUnit::Gb), Some(SizeUnit::Tb)];
    (0_u64..1_000_000, select(units)).prop_map(|(amount, unit)| Size { amount, unit })
}

type Clauses = (Option<Text>, Vec<Text>, Vec<Label>, Level);

fn clauses(kind: RuleType) -> impl Strategy<Value = Clauses> {
    let spec = kind.spec();
    let filter = prop::option::of(text().prop_map(|text| format!("{text} = 1")));
    let groups = vec(text(), 0..3);
    let level = select(vec![Level::Error, Level::Warn]);
    (filter, groups, labels(), level).prop_map(move |(filter, groups, labels, level)| {
        let text = |value| Text { value, span: Span::default() };
        let groups = groups.into_iter().enumerate().map(|(place, group)| text(format!("{group}{place}")));
        let group_by = if spec.group_by { groups.collect() } else { Vec::new() };
        (filter.filter(|_| spec.filter).map(text), group_by, labels, level)
    })
}

fn tags(kind: RuleType) -> impl Strategy<Value = (Vec<Tag>, Option<Comparison<Number>>)> {
    let own = kind.spec().tags;
    let unknown = [("somethingElse", TagValue::Text("\"".to_owned())), ("a.number", TagValue::Number("-1.5".to_owned(), -1.5))];
    let known = [
        ("timeZone", TagValue::Text("America/New_York".to_owned())),
        ("ignoreCase", TagValue::Text("true".to_owned())),
        ("format", TagValue::Text("dd-MM-yyyy".to_owned())),
        ("hashAlgorithm", TagValue::Text("SHA-1".to_owned())),
        ("recentFiles", TagValue::Number("5".to_owned(), 5.0)),
        ("filterOrder", TagValue::List(vec!["uriRegex".to_owned(), "recentFiles".to_owned()])),
        ("strategy", TagValue::Text("OnlineNormal".to_owned())),
    ];
    let all: Vec<Tag> = known
        .into_iter()
        .filter(|(key, _)| own.contains(key))
        // The tags of `DetectAnomalies` are parameters of its strategy, which takes none that it does not know.
        .chain(unknown.into_iter().filter(|_| kind != RuleType::DetectAnomalies))
        .map(|(key, value)| Tag { key: key.to_owned(), value, span: Span::default() })
        .collect();
    let most = all.len();
    (proptest::sample::subsequence(all, 0..=most), prop::option::of(comparison(number(), Number::Null, false)))
}
