//! Rules on files: `FileFreshness`, `FileMatch`, `FileSize`, `FileUniqueness`.

mod checksum;
mod find;

use std::collections::{BTreeMap, HashSet};

use self::checksum::Algorithm;
use self::find::find;
use super::super::condition::describe_with;
use super::super::judge::{Judge, Shares, ratio, unmet};
use super::super::predicate::dates::{self, Moment};
use super::super::predicate::text;
use super::super::scope::quoted;
use super::super::{Fault, Plan, Scope, Verdict};
use crate::data::{FileAccess, FileEntry};
use crate::language::ast::{Comparison, Condition, Size};

/// How many files a reason names.
const NAMED: usize = 5;

/// A verdict on which files hold.
fn verdict(metric: &str, files: &[FileEntry], bad: &[&FileEntry], shares: &Shares, expected: &str) -> Verdict {
    let share = ratio((files.len() - bad.len()) as u64, files.len() as u64);
    let verdict = Verdict::new(shares.hold((files.len() - bad.len()) as u64, files.len() as u64));
    verdict.metric(format!("Dataset.*.{metric}"), share).metric("Dataset.*.FileCount", files.len() as f64).because(|| {
        let names: Vec<String> = bad.iter().take(NAMED).map(|file| file.location.clone()).collect();
        unmet(share, &format!("{} of {} files are not {expected}: {}.", bad.len(), files.len(), quoted(&names)))
    })
}

/// The files that do not hold; with `failFast` the first alone.
fn bad(fast: bool, files: &[FileEntry], holds: impl Fn(&FileEntry) -> Result<bool, Fault>) -> Result<Vec<&FileEntry>, Fault> {
    let mut bad = Vec::new();
    for file in files {
        if !holds(file)? {
            bad.push(file);
            if fast {
                break;
            }
        }
    }
    Ok(bad)
}

/// `FileFreshness`: when each file was last modified.
pub(super) fn freshness(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let Some(Condition::Date(written)) = &scope.rule.condition else {
        return Err(Fault::error("FileFreshness is compared with dates: `> (now() - 24 hours)`."));
    };
    let (dates, expected) = (in_order(scope.dates(written)?), format!("modified {}", scope.condition_text()));
    let files = find(scope, 0)?;
    let (shares, fast) = (Shares::of(scope)?, scope.flag("failFast")?);
    Ok(Plan::direct(move |_| {
        let bad = bad(fast, &files, |file| Ok(dates::moment_holds(file.modified, &dates)))?;
        Ok(verdict("FileFreshness.Compliance", &files, &bad, &shares, &expected))
    }))
}

/// Glue documents `between now() and (now() - 45 minutes)`: the later moment may come first.
fn in_order(dates: Comparison<Moment>) -> Comparison<Moment> {
    let micros = |moment: &Moment| match moment {
        Moment::Day(micros) | Moment::At(micros) => Some(*micros),
        Moment::Null => None,
    };
    match dates {
        Comparison::Between { negated, low, high } if micros(&low) > micros(&high) => Comparison::Between { negated, low: high, high: low },
        dates => dates,
    }
}

/// `FileSize`: bytes of each file.
pub(super) fn sizes(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let Some(Condition::Size(written)) = &scope.rule.condition else {
        return Err(Fault::error("FileSize is compared with sizes: `< 2 MB`."));
    };
    let sizes = written.clone();
    let expected = describe_with(written, Size::to_string);
    let files = find(scope, 0)?;
    let (shares, fast) = (Shares::of(scope)?, scope.flag("failFast")?);
    Ok(Plan::direct(move |_| {
        let bad = bad(fast, &files, |file| Ok(sizes.holds(file.bytes)))?;
        let (least, most) = (files.iter().map(|file| file.bytes).min(), files.iter().map(|file| file.bytes).max());
        let verdict = verdict("FileSize.Compliance", &files, &bad, &shares, &format!("of a size {expected}"));
        let verdict = verdict.metric("Dataset.*.MinimumFileSize", least.unwrap_or(0) as f64);
        Ok(verdict.metric("Dataset.*.MaximumFileSize", most.unwrap_or(0) as f64))
    }))
}

/// `FileUniqueness`: distinct checksums over files; with `matchFileName`, distinct names.
pub(super) fn uniqueness(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let judge = Judge::of(scope)?;
    let files = find(scope, 0)?;
    let (algorithm, by_name) = (Algorithm::of(scope)?, scope.flag("matchFileName")?);
    let access = scope.context.files.clone();
    Ok(Plan::direct(move |_| {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for file in &files {
            let key = if by_name { file.name().to_owned() } else { algorithm.checksum(access.as_ref(), file)? };
            *seen.entry(key).or_default() += 1;
        }
        let share = ratio(seen.len() as u64, files.len() as u64);
        let verdict =
            judge.verdict("Dataset.*.FileUniquenessRatio", share, || format!("{} of {} files are distinct", seen.len(), files.len()));
        Ok(verdict.metric("Dataset.*.FileCount", files.len() as f64))
    }))
}

/// `FileMatch`: checksums of files in a list, or two files or folders alike.
pub(super) fn checksums(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let (algorithm, access) = (Algorithm::of(scope)?, scope.context.files.clone());
    let (shares, fast) = (Shares::of(scope)?, scope.flag("failFast")?);
    if scope.rule.parameters.len() == 2 {
        let (left, right) = (find(scope, 0)?, find(scope, 1)?);
        let by_name = scope.flag("matchFileName")?;
        return Ok(Plan::direct(move |_| alike(access.as_ref(), (&left, &right), algorithm, by_name)));
    }
    let Some(Condition::Text(condition)) = scope.rule.condition.clone() else {
        return Err(Fault::error("FileMatch is compared with checksums: `in [\"…\"]`."));
    };
    let files = find(scope, 0)?;
    let holds = text::Test::new(&condition, true)?;
    Ok(Plan::direct(move |_| {
        let bad = bad(fast, &files, |file| holds.of(Some(&algorithm.checksum(access.as_ref(), file)?)))?;
        Ok(verdict("FileMatch.Compliance", &files, &bad, &shares, "of a checksum as expected"))
    }))
}

fn alike(
    access: &dyn FileAccess,
    (left, right): (&[FileEntry], &[FileEntry]),
    algorithm: Algorithm,
    by_name: bool,
) -> Result<Verdict, Fault> {
    let keys = |files: &[FileEntry]| -> Result<Vec<String>, Fault> {
        let key = |file: &FileEntry| -> Result<String, Fault> {
            let checksum = algorithm.checksum(access, file)?;
            Ok(if by_name { format!("{checksum} {}", file.name()) } else { checksum })
        };
        files.iter().map(key).collect()
    };
    let (ours, theirs) = (keys(left)?, keys(right)?);
    let (known, known_theirs): (HashSet<&String>, HashSet<&String>) = (ours.iter().collect(), theirs.iter().collect());
    let mut strangers: Vec<&FileEntry> =
        left.iter().zip(&ours).filter(|(_, key)| !known_theirs.contains(key)).map(|(file, _)| file).collect();
    strangers.extend(right.iter().zip(&theirs).filter(|(_, key)| !known.contains(key)).map(|(file, _)| file));
    let all = left.len() + right.len();
    let share = ratio((all - strangers.len()) as u64, all as u64);
    let same = strangers.is_empty() && left.len() == right.len();
    Ok(Verdict::new(same).metric("Dataset.*.FileMatch.Compliance", share).metric("Dataset.*.FileCount", all as f64).because(|| {
        let names: Vec<String> = strangers.iter().take(NAMED).map(|file| file.location.clone()).collect();
        let detail = match names.as_slice() {
            [] => format!("{} files are compared with {}.", left.len(), right.len()),
            names => format!("{} of {all} files have none alike on the other side: {}.", strangers.len(), quoted(names)),
        };
        unmet(share, &detail)
    }))
}
