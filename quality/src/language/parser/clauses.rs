//! What follows a rule's condition: `where`, `group by`, `labels`, `with`.

use super::super::ast::{Comparison, Condition, Level, Number, Rule, Span, Tag, TagValue, Text};
use super::super::lexer::{TokenKind, shorten};
use super::super::registry::{ConditionKind, TAGS};
use super::{Parsed, Parser, did_you_mean, nearest};

/// More tags than any rule has.
const MAX_TAGS: usize = 32;

impl Parser<'_> {
    pub(super) fn clauses(&mut self, rule: &mut Rule) -> Parsed<()> {
        if self.word() == "where" {
            self.advance();
            rule.filter = Some(self.filter()?);
        }
        if self.word() == "group" {
            self.advance();
            if !self.eat_word("by") {
                return self.unexpected("`by`", "groups are written `group by \"column\"`");
            }
            rule.group_by = self.columns()?;
        }
        if self.word() == "labels" {
            self.advance();
            self.expect("=", "labels are written `labels=[\"key\"=\"value\"]`")?;
            rule.labels = self.labels()?;
        }
        let mut seen = Vec::new();
        while self.word() == "with" {
            self.advance();
            self.tag(rule, &mut seen)?;
        }
        Ok(())
    }

    fn filter(&mut self) -> Parsed<Text> {
        let (value, span) = self.text("SQL in double quotes", "rows are chosen by `where \"amount > 0\"`")?;
        match value.trim().is_empty() {
            true => self.fail(span, "`where` chooses nothing", "write SQL that is true for the rows that are meant"),
            false => Ok(Text { value, span }),
        }
    }

    fn columns(&mut self) -> Parsed<Vec<Text>> {
        let mut columns = Vec::new();
        while columns.is_empty() || matches!(self.kind(), TokenKind::Text(_)) {
            let (value, span) = self.text("a column in double quotes", "groups are written `group by \"column\" \"column\"`")?;
            columns.push(Text { value, span });
        }
        Ok(columns)
    }

    fn tag(&mut self, rule: &mut Rule, seen: &mut Vec<String>) -> Parsed<()> {
        let span = self.span();
        let mut key = self.word().to_owned();
        if key.is_empty() {
            let hint = "a tag is written `with name = \"value\"`, its name without quotes";
            return self.unexpected("the name of a tag", hint);
        }
        self.advance();
        if key.eq_ignore_ascii_case("threshold") {
            key = "threshold".to_owned();
        }
        if seen.contains(&key) {
            return self.fail(span, format!("`{key}` is here twice"), "");
        }
        if seen.len() == MAX_TAGS {
            return self.fail(span, format!("there are more than {MAX_TAGS} tags"), "");
        }
        seen.push(key.clone());
        match key.as_str() {
            "threshold" => rule.threshold = Some(self.share(&key)?),
            "mostly" => rule.mostly = Some(self.share(&key)?),
            "level" => rule.level = self.level()?,
            _ => {
                let value = self.tag_value(&key)?;
                self.known_tag(rule.kind.spec().tags, &key, span)?;
                rule.tags.push(Tag { key, value, span: self.since(span.start) });
            }
        }
        Ok(())
    }

    /// A condition on the share of rows that pass.
    fn share(&mut self, key: &str) -> Parsed<Comparison<Number>> {
        match self.condition(&[ConditionKind::Number])? {
            Some(Condition::Number(comparison)) => Ok(comparison),
            _ => self.unexpected("a condition", &format!("write `with {key} > 0.9`")),
        }
    }

    fn level(&mut self) -> Parsed<Level> {
        const HINT: &str = "levels are \"warn\" and \"error\"";
        self.expect("=", "write `with level = \"warn\"`")?;
        let (value, span) = self.text("a level", HINT)?;
        match value.as_str() {
            "warn" => Ok(Level::Warn),
            "error" => Ok(Level::Error),
            _ => self.fail(span, format!("there is no level \"{}\"", shorten(&value)), HINT),
        }
    }

    fn tag_value(&mut self, key: &str) -> Parsed<TagValue> {
        let hint = format!("a tag is written `with {key} = \"value\"`");
        self.expect("=", &hint)?;
        if let TokenKind::Text(value) = self.kind() {
            let value = value.clone();
            self.advance();
            return Ok(TagValue::Text(value));
        }
        // Documented by AWS for this tag only.
        if key == "filterOrder" && self.eat("[") {
            return self.items(|parser| parser.text("a string", "").map(|(value, _)| value)).map(TagValue::List);
        }
        let span = self.span();
        match self.literal()? {
            Some((spelled, value)) => Ok(TagValue::Number(spelled, value)),
            None => self.fail(span, format!("`{key}` has no value"), hint),
        }
    }

    /// Tags that nobody knows are kept, as Glue keeps them; those that are misspelt would be without effect.
    fn known_tag(&mut self, own: &[&str], key: &str, span: Span) -> Parsed<()> {
        const ALL_RULES: &[&str] = &["threshold", "mostly", "level"];
        let known = || own.iter().chain(TAGS).chain(ALL_RULES).copied();
        if known().any(|tag| tag == key) {
            return Ok(());
        }
        match nearest(key, known()) {
            Some(_) => self.fail(span, format!("there is no tag `{key}`"), did_you_mean(key, known())),
            None => Ok(()),
        }
    }
}
