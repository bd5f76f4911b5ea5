//! The audit: what a stage wrote is read again, held against its rules, and split if the pipeline says so.
//!
//! It reads the staged files themselves, not the rows that were on their way into them: what is let in is
//! what was audited. Rows that are left after others were set aside are audited once more: what is broken
//! still is kept out, and what held only with the others is told.

mod judge;
mod origins;
mod split;
mod staged;
mod table;

use lakegate_model::{
    Failure, FailureCode,
    audit::{Audit, Outcome, RuleResult, Verdict, reason},
    machine::execution::TaskOutput,
    pipeline::{Quality, Scope},
};

use super::{
    Assignment, Engine,
    drain::check_cancelled,
    transform::{References, Subject},
};
use judge::{Judge, Judged, RELEASE};
pub(super) use origins::Origins;
use split::Split;
use staged::Staged;

/// Audits what was written; gives what is to be let in, with what was found.
pub(super) fn run(
    engine: &Engine,
    assignment: &Assignment,
    references: &References,
    output: TaskOutput,
    origins: Origins,
    subject: &Subject,
) -> Result<TaskOutput, Failure> {
    let Some(quality) = assignment.stage.quality() else { return Ok(output) };
    audit(engine, assignment, quality, references, output, origins, subject).map_err(unaudited)
}

/// What keeps rules from the data is told from what kept the transforms from it: once nothing more is tried, the
/// data is not lost but waits in quarantine. What was staged and is gone is staged anew by the next attempt.
pub(super) fn unaudited(failure: Failure) -> Failure {
    use FailureCode::{LakeIo, ObjectChanged, ObjectGone, PermissionDenied, Unaudited};
    if !matches!(failure.code, LakeIo | PermissionDenied | ObjectGone | ObjectChanged) {
        return failure;
    }
    let hint = match failure.hint.as_str() {
        "" => format!("it is tried again; should it fail for good, {RELEASE}"),
        hint => format!("{hint}; should it fail for good, {RELEASE}"),
    };
    Failure { code: Unaudited, hint, ..failure }
}

fn audit(
    engine: &Engine,
    assignment: &Assignment,
    quality: &Quality,
    references: &References,
    output: TaskOutput,
    origins: Origins,
    subject: &Subject,
) -> Result<TaskOutput, Failure> {
    let judge = Judge::new(engine, quality, references, assignment)?;
    if quality.scope == Scope::Table {
        return table::run(engine, assignment, judge, output);
    }
    let staged = Staged::open(engine, &output, quality)?;
    let judged = judge.judge(&staged.dataset, &staged.locations)?;
    if judged.audit.verdict != Verdict::Split {
        return Ok(TaskOutput { audit: Some(Box::new(judged.audit)), ..output });
    }
    check_cancelled(assignment)?;
    let place = || Failure::new(FailureCode::Internal, "there is no place for rows that are set aside");
    let aside = assignment.aside.as_ref().ok_or_else(place)?;
    let origins = origins.traced(engine, assignment, &output.files)?;
    let Split { output, told } = split::split(engine, assignment, (&judged, aside), output, origins, subject)?;
    check_cancelled(assignment)?;
    let Judged { audit, .. } = judged;
    let silent = audit.rules.iter().find(|rule| rule.is_broken() && !told.contains(&rule.rule));
    let audit = match silent {
        // Parts of it are broken by rows, but the whole of it by none.
        Some(rule) => blocked(&audit, &format!("no single row breaks {}", rule.rule)),
        None => {
            let rest = Staged::open(engine, &output, quality)?;
            with_the_rest(audit, &judge.judge(&rest.dataset, &rest.locations)?.audit)
        }
    };
    let aside = output.aside.filter(|_| audit.verdict == Verdict::Split);
    let rows_aside = aside.as_ref().map_or(0, |aside| aside.rows);
    Ok(TaskOutput { aside, audit: Some(Box::new(Audit { rows_aside, ..audit })), ..output })
}

/// The audit of the whole once the rows that are left have been audited too.
///
/// What a rule says of rows and what it says of all of them are not the same: a ratio that was good enough may
/// have been so thanks to rows that are gone now. The data as it came has held such a rule, so it is told and
/// keeps nothing out. But what was broken and still is, or can't be asked any more, is not let in.
fn with_the_rest(audit: Audit, rest: &Audit) -> Audit {
    let of_rest = |is_wanted: &dyn Fn(&RuleResult, &RuleResult) -> bool| -> Vec<RuleResult> {
        audit.rules.iter().zip(&rest.rules).filter(|(whole, rest)| is_wanted(whole, rest)).map(|(_, rest)| rest.clone()).collect()
    };
    let unasked = of_rest(&|_, rest| rest.outcome == Outcome::Error);
    if !unasked.is_empty() {
        return blocked(&audit, &format!("of the rows that are left: {}", reason(&unasked)));
    }
    // Where no row is left, none breaks a rule about rows, whatever the rule makes of nothing.
    let counts = |rule: &RuleResult| rule.is_broken() && (rest.rows > 0 || !rule.by_row);
    let unmended = of_rest(&|whole, rest| whole.is_broken() && counts(rest));
    if !unmended.is_empty() {
        return blocked(&audit, &format!("of the rows that are left still: {}", reason(&unmended)));
    }
    let newly = of_rest(&|_, rest| counts(rest));
    if newly.is_empty() {
        return audit;
    }
    Audit { reason: format!("{}; of the rows that are left: {}", audit.reason, reason(&newly)), ..audit }
}

/// The audit of data of which no rows can be set aside after all.
fn blocked(audit: &Audit, why: &str) -> Audit {
    Audit { verdict: Verdict::Blocked, reason: format!("{}; and {why}", audit.reason), ..audit.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kept_rules_from_the_data_is_tried_again_and_told_as_that() {
        let code = |code| unaudited(Failure::new(code, "reading it")).code;
        for passing in [FailureCode::LakeIo, FailureCode::PermissionDenied, FailureCode::ObjectGone, FailureCode::ObjectChanged] {
            assert_eq!(code(passing), FailureCode::Unaudited);
        }
        for other in [FailureCode::DamagedData, FailureCode::Cancelled, FailureCode::QualityFailed, FailureCode::InvalidPipeline] {
            assert_eq!(code(other), other);
        }
        let hinted = unaudited(Failure::new(FailureCode::LakeIo, "reading it").hint("make room on the disk"));
        assert!(hinted.hint.starts_with("make room on the disk; should it fail for good, `lakegate quarantine release`"), "{hinted}");
    }
}
