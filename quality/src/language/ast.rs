//! A ruleset as it was written: what the parser makes, and all else reads.

use super::RuleType;

mod condition;

pub use condition::{Compare, Comparison, Condition, Date, Duration, DurationUnit, Number, Size, SizeUnit, TextCondition, TextOperand};

/// A stretch of the source, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// A ruleset file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ruleset {
    /// `Metadata = { "Version": "1.0" }`, in the order written.
    pub metadata: Vec<(String, Vec<String>)>,
    /// `DataSources = { "Primary": "…" }`.
    pub primary: Option<String>,
    /// `DataSources = { "AdditionalDataSources": ["…"] }`.
    pub additional: Vec<String>,
    /// `name = "value"`, in the order written.
    pub variables: Vec<Variable>,
    /// `DefaultLabels = [ … ]`.
    pub default_labels: Vec<Label>,
    /// What is between the brackets of `Rules`.
    pub rules: Vec<Node>,
    /// What is between the brackets of `Analyzers`.
    pub analyzers: Vec<Analyzer>,
}

/// A variable: a string, or a list of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// The name without `$`.
    pub name: String,
    /// What it stands for.
    pub value: VariableValue,
    /// Where it is declared.
    pub span: Span,
}

/// What a variable stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum VariableValue {
    /// `name = "value"`.
    Text(String),
    /// `name = ["a", "b"]`.
    List(Vec<String>),
}

/// `"key" = "value"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// 1 to 128 characters.
    pub key: String,
    /// 1 to 256 characters.
    pub value: String,
}

/// A rule, or rules put together by `and` and `or`.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// One rule.
    Rule(Box<Rule>),
    /// `(A) and (B)`.
    Composite(Composite),
}

/// Rules put together by one operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Composite {
    /// Whether all of the parts have to hold, or one.
    pub operator: Operator,
    /// At least two.
    pub parts: Vec<Node>,
    /// Labels of the whole: `((A) and (B)) labels = […]`.
    pub labels: Vec<Label>,
    /// Where it is written.
    pub span: Span,
}

/// How rules are put together. `And` binds tighter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// All hold.
    And,
    /// At least one holds.
    Or,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What is measured.
    pub kind: RuleType,
    /// Columns, aliases, patterns and queries, as `registry` says for the type.
    pub parameters: Vec<Parameter>,
    /// What is expected of it.
    pub condition: Option<Condition>,
    /// `where "…"`: SQL that chooses the rows.
    pub filter: Option<Text>,
    /// `group by "a" "b"`.
    pub group_by: Vec<Text>,
    /// The rule's own labels; defaults are not among them.
    pub labels: Vec<Label>,
    /// `with …`, in the order written; `threshold`, `mostly` and `level` are among the fields below instead.
    pub tags: Vec<Tag>,
    /// `with threshold > 0.9`: the share of rows that pass.
    pub threshold: Option<Comparison<Number>>,
    /// `with mostly >= 0.99`: the share of rows that pass, on any rule that has row-level results.
    pub mostly: Option<Comparison<Number>>,
    /// `with level = "warn"`.
    pub level: Level,
    /// Where it is written.
    pub span: Span,
}

/// What a rule that doesn't hold does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It fails the audit.
    #[default]
    Error,
    /// It is told of.
    Warn,
}

/// A statistic that is measured, and held against nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Analyzer {
    /// What is measured.
    pub kind: RuleType,
    /// As of a rule.
    pub parameters: Vec<Parameter>,
    /// Where it is written.
    pub span: Span,
}

/// A parameter of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// What it says; a variable's value if it is one.
    pub value: String,
    /// How it was written.
    pub form: ParameterForm,
    /// The word before it: `of`, `OF`, `and`, `AND`.
    pub connector: Option<String>,
    /// Where it is written.
    pub span: Span,
}

/// How a parameter was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterForm {
    /// `"email"`.
    Quoted,
    /// `email`.
    Bare,
    /// `$column`, with this name.
    Variable(String),
}

/// A string with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// What it says, without quotes and escapes.
    pub value: String,
    /// Where it is written.
    pub span: Span,
}

/// `with key = value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tag {
    /// The key as it is spelled.
    pub key: String,
    /// The value.
    pub value: TagValue,
    /// Where it is written.
    pub span: Span,
}

/// The value of a tag.
#[derive(Clone, Debug, PartialEq)]
pub enum TagValue {
    /// A string.
    Text(String),
    /// A number as it is spelled, and what it is.
    Number(String, f64),
    /// A list of strings: `filterOrder`.
    List(Vec<String>),
}
