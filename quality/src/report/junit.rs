//! An evaluation for build servers: JUnit XML, with a test case for each rule.

use std::{collections::HashMap, fmt};

use super::{
    document::{Report, Tally, Verdict},
    escape::{Attribute, Text},
};
use crate::evaluate::RuleResult;

/// A report as JUnit XML: a rule that fails is a failure, one that could not be evaluated an error,
/// and one of level `warn` that fails is skipped, with its reason, so that it does not break a build.
pub struct Junit<'a>(pub &'a Report);

impl fmt::Display for Junit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Junit(report) = self;
        let evaluation = &report.evaluation;
        let tally = Tally::of(evaluation);
        let counts =
            format!("tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"", tally.total(), tally.failed, tally.errors, tally.warned);
        let suite = Attribute(&report.ruleset);
        writeln!(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(f, "<testsuites name=\"lakegate quality\" {counts}>")?;
        let at = report.at.strftime("%Y-%m-%dT%H:%M:%S");
        writeln!(f, "  <testsuite name=\"{suite}\" {counts} timestamp=\"{at}\" hostname=\"localhost\" time=\"0\">")?;
        writeln!(f, "    <properties>")?;
        property(f, "data", &report.data.join(", "))?;
        property(f, "outcome", &format!("{:?}", evaluation.outcome))?;
        property(f, "score", &evaluation.score.to_string())?;
        property(f, "rows", &evaluation.rows.to_string())?;
        writeln!(f, "    </properties>")?;
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for rule in &evaluation.rules {
            let times = seen.entry(&rule.rule).or_default();
            *times += 1;
            test_case(f, &report.ruleset, rule, *times)?;
        }
        writeln!(f, "  </testsuite>\n</testsuites>")
    }
}

fn property(f: &mut fmt::Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    writeln!(f, "      <property name=\"{name}\" value=\"{}\"/>", Attribute(value))
}

/// Build servers take cases of one name for one case, so a rule that is there again is numbered.
fn test_case(f: &mut fmt::Formatter<'_>, class: &str, rule: &RuleResult, times: usize) -> fmt::Result {
    let name = if times == 1 { rule.rule.clone() } else { format!("{} #{times}", rule.rule) };
    writeln!(f, "    <testcase classname=\"{}\" name=\"{}\" time=\"0\">", Attribute(class), Attribute(&name))?;
    let reason = rule.reason.as_deref().unwrap_or("the rule does not hold");
    let details = details(rule);
    let mut rest = details.as_str();
    match Verdict::of(rule) {
        Verdict::Passed => {}
        Verdict::Failed => element(f, "failure", "Failed", reason, std::mem::take(&mut rest))?,
        Verdict::Error => element(f, "error", "Error", reason, std::mem::take(&mut rest))?,
        Verdict::Warned => writeln!(f, "      <skipped message=\"warning: {}\"/>", Attribute(reason))?,
    }
    if !rest.is_empty() {
        writeln!(f, "      <system-out>{}</system-out>", Text(rest))?;
    }
    writeln!(f, "    </testcase>")
}

fn element(f: &mut fmt::Formatter<'_>, name: &str, kind: &str, reason: &str, details: &str) -> fmt::Result {
    let text = if details.is_empty() { reason.to_owned() } else { format!("{reason}\n{details}") };
    writeln!(f, "      <{name} message=\"{}\" type=\"{kind}\">{}</{name}>", Attribute(reason), Text(&text))
}

/// Metrics and labels, a line each.
fn details(rule: &RuleResult) -> String {
    let metrics = rule.metrics.iter().map(|(name, value)| format!("{name} = {value}"));
    let labels = rule.labels.iter().map(|(key, value)| format!("{key}: {value}"));
    metrics.chain(labels).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn each_rule_is_a_case_with_its_outcome() {
        let report = sample::report();
        let xml = Junit(&report).to_string();
        let tally = Tally::of(&report.evaluation);
        let count = |text: &str| xml.matches(text).count();
        assert_eq!(count("<testcase "), tally.total());
        assert_eq!((count("<failure "), count("<error "), count("<skipped ")), (tally.failed, tally.errors, tally.warned));
        assert!(tally.failed > 0 && tally.errors > 0 && tally.warned > 0, "{tally:?}");
        assert!(xml.contains("message=\"there is no column &quot;gate&quot;; did you mean &quot;date&quot;?\" type=\"Error\""), "{xml}");
    }

    #[test]
    fn a_rule_that_is_there_twice_is_two_cases() {
        let mut report = sample::report();
        report.evaluation.rules.truncate(1);
        report.evaluation.rules.push(report.evaluation.rules[0].clone());
        let xml = Junit(&report).to_string();
        assert!(xml.contains("name=\"RowCount &gt; 300000\"") && xml.contains("name=\"RowCount &gt; 300000 #2\""), "{xml}");
    }

    #[test]
    fn what_data_says_stays_text() {
        let mut report = sample::report();
        report.evaluation.rules[2].reason = Some("]]></failure>\u{0}<x a=\"".to_owned());
        let xml = Junit(&report).to_string();
        assert!(!xml.contains("</failure>\u{0}") && xml.contains("]]&gt;&lt;/failure&gt;\u{FFFD}&lt;x a=&quot;"), "{xml}");
    }
}
