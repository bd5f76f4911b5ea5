//! When an open batch is due. A batch is open while it collects and sealed before it runs; what
//! happens after is the life of its execution.

use std::{str::FromStr, time::Duration};

use croner::Cron;
use serde::{Deserialize, Serialize};

use crate::{
    pipeline::{BatchTrigger, Schedule},
    time::Timestamp,
};

/// What an open batch has collected so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenBatch {
    /// Members.
    pub objects: u64,
    /// Bytes of all members.
    pub bytes: u64,
    /// When its first member came.
    pub first_at: Timestamp,
    /// When its last member came.
    pub last_at: Timestamp,
    /// When it had `min_objects`; the ticks of its schedule count from then.
    pub enough_at: Option<Timestamp>,
}

impl OpenBatch {
    /// The batch with one more member.
    #[must_use]
    pub fn with_member(mut self, trigger: &BatchTrigger, bytes: u64, at: Timestamp) -> OpenBatch {
        if self.objects == 0 {
            self.first_at = at;
        }
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.last_at = self.last_at.max(at);
        if self.enough_at.is_none() && self.objects >= trigger.min_objects {
            self.enough_at = Some(at);
        }
        self
    }
}

/// What is to be done about an open batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Seal it now.
    Seal(SealReason),
    /// Look again at this time, or when a member comes.
    At(Timestamp),
    /// Only a new member can change anything.
    OnArrival,
}

/// Why a batch was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SealReason {
    /// It had `max_objects`.
    MaxObjects,
    /// It had `max_bytes`.
    MaxBytes,
    /// A tick of its schedule came.
    Schedule,
    /// Its first member had waited for `max_wait`.
    MaxWait,
    /// Nothing had come for `quiet`.
    Quiet,
    /// Somebody asked, or `up --until-idle` had nothing else left.
    Requested,
}

impl SealReason {
    /// The name as stored, sent and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            SealReason::MaxObjects => "max_objects",
            SealReason::MaxBytes => "max_bytes",
            SealReason::Schedule => "schedule",
            SealReason::MaxWait => "max_wait",
            SealReason::Quiet => "quiet",
            SealReason::Requested => "requested",
        }
    }

    /// The reason of that name.
    pub fn from_text(text: &str) -> Option<SealReason> {
        use SealReason::{MaxBytes, MaxObjects, MaxWait, Quiet, Requested, Schedule};
        [MaxObjects, MaxBytes, Schedule, MaxWait, Quiet, Requested].into_iter().find(|reason| reason.as_str() == text)
    }
}

/// Whether the open batch is due at `now`, and if not, when to look again.
pub fn decide(trigger: &BatchTrigger, open: &OpenBatch, now: Timestamp) -> Due {
    if open.objects == 0 {
        return Due::OnArrival;
    }
    if open.objects >= trigger.max_objects {
        return Due::Seal(SealReason::MaxObjects);
    }
    if trigger.max_bytes.is_some_and(|most| open.bytes >= most) {
        return Due::Seal(SealReason::MaxBytes);
    }
    let tick = open.enough_at.and_then(|at| next_tick(&trigger.schedule, at));
    let quiet = trigger.quiet.filter(|_| open.enough_at.is_some()).map(|quiet| open.last_at + quiet);
    let too_old = trigger.max_wait.map(|most| open.first_at + most);
    let times = [(tick, SealReason::Schedule), (quiet, SealReason::Quiet), (too_old, SealReason::MaxWait)];
    let next = times.into_iter().filter_map(|(at, reason)| Some((at?, reason))).min_by_key(|(at, _)| *at);
    match next {
        Some((at, reason)) if at <= now => Due::Seal(reason),
        Some((at, _)) => Due::At(at),
        None => Due::OnArrival,
    }
}

/// How many of the oldest members go into the batch that is sealed now: as many as the trigger's
/// limits allow. `sizes` are the members' bytes, oldest first.
pub fn members_to_seal(trigger: &BatchTrigger, sizes: impl IntoIterator<Item = u64>) -> u64 {
    let (mut objects, mut bytes) = (0_u64, 0_u64);
    for size in sizes {
        if objects >= trigger.max_objects || trigger.max_bytes.is_some_and(|most| bytes >= most) {
            break;
        }
        objects += 1;
        bytes = bytes.saturating_add(size);
    }
    objects
}

/// The first tick of the schedule after `at`.
pub fn next_tick(schedule: &Schedule, at: Timestamp) -> Option<Timestamp> {
    match schedule {
        Schedule::Every(every) => Some(at.next_multiple_of((*every).max(Duration::from_millis(1)))),
        Schedule::Cron(expression) => {
            let from = jiff::Timestamp::from_millisecond(at.0).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
            let next = Cron::from_str(expression).ok()?.find_next_occurrence(&from, false).ok()?;
            Some(Timestamp(next.timestamp().as_millisecond()))
        }
        Schedule::Never => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trigger(edit: impl FnOnce(&mut BatchTrigger)) -> BatchTrigger {
        let mut trigger = BatchTrigger { schedule: Schedule::Never, ..BatchTrigger::default() };
        edit(&mut trigger);
        trigger
    }

    fn open(trigger: &BatchTrigger, members: &[(u64, i64)]) -> OpenBatch {
        members.iter().fold(OpenBatch::default(), |open, (bytes, at)| open.with_member(trigger, *bytes, Timestamp(*at)))
    }

    #[test]
    fn each_trigger_seals_for_its_own_reason() {
        let second = Duration::from_secs(1);
        let cases: [(BatchTrigger, i64, Due); 9] = [
            (trigger(|t| t.max_objects = 2), 20, Due::Seal(SealReason::MaxObjects)),
            (trigger(|t| t.max_bytes = Some(15)), 20, Due::Seal(SealReason::MaxBytes)),
            (trigger(|t| t.schedule = Schedule::Every(second)), 999, Due::At(Timestamp(1000))),
            (trigger(|t| t.schedule = Schedule::Every(second)), 1000, Due::Seal(SealReason::Schedule)),
            (trigger(|t| t.quiet = Some(second)), 1019, Due::At(Timestamp(1020))),
            (trigger(|t| t.quiet = Some(second)), 1020, Due::Seal(SealReason::Quiet)),
            (
                trigger(|t| {
                    t.min_objects = 3;
                    t.quiet = Some(second);
                }),
                9999,
                Due::OnArrival,
            ),
            (
                trigger(|t| {
                    t.min_objects = 3;
                    t.max_wait = Some(second);
                }),
                1010,
                Due::Seal(SealReason::MaxWait),
            ),
            (trigger(|t| t.schedule = Schedule::Cron("0 * * * *".into())), 20, Due::At(Timestamp(3_600_000))),
        ];
        for (trigger, now, due) in cases {
            let open = open(&trigger, &[(10, 10), (10, 20)]);
            assert_eq!(decide(&trigger, &open, Timestamp(now)), due, "{trigger:?} at {now}");
        }
    }

    #[test]
    fn a_tick_that_found_too_few_is_not_made_up_for() {
        let trigger = trigger(|t| {
            t.min_objects = 2;
            t.schedule = Schedule::Every(Duration::from_secs(1));
        });
        let open = open(&trigger, &[(1, 10), (1, 1500)]);
        assert_eq!(decide(&trigger, &open, Timestamp(1500)), Due::At(Timestamp(2000)));
    }

    proptest! {
        /// Looking when told to look always finds the batch due: it is never stuck.
        #[test]
        fn a_batch_with_any_time_limit_is_sealed_in_the_end(
            members in proptest::collection::vec((0_u64..100, 0_i64..10_000), 1..20),
            min in 1_u64..30, every in proptest::option::of(1_u64..5_000), quiet in proptest::option::of(1_u64..5_000), wait in 1_u64..5_000,
        ) {
            let trigger = trigger(|t| {
                t.min_objects = min;
                t.schedule = every.map_or(Schedule::Never, |ms| Schedule::Every(Duration::from_millis(ms)));
                t.quiet = quiet.map(Duration::from_millis);
                t.max_wait = Some(Duration::from_millis(wait));
            });
            let mut sorted = members;
            sorted.sort_by_key(|(_, at)| *at);
            let open = open(&trigger, &sorted);
            match decide(&trigger, &open, open.last_at) {
                Due::Seal(_) => {}
                Due::At(at) => prop_assert!(matches!(decide(&trigger, &open, at), Due::Seal(_))),
                Due::OnArrival => prop_assert!(false, "stuck"),
            }
        }

        /// Sealing again and again puts every object in exactly one batch, none over the limits.
        #[test]
        fn every_object_is_in_exactly_one_batch(sizes in proptest::collection::vec(0_u64..50, 0..60), most in 1_u64..9, bytes in proptest::option::of(1_u64..120)) {
            let trigger = trigger(|t| { t.max_objects = most; t.max_bytes = bytes; });
            let mut rest = sizes.as_slice();
            let mut sealed = 0;
            while !rest.is_empty() {
                let take = usize::try_from(members_to_seal(&trigger, rest.iter().copied())).unwrap_or(0);
                prop_assert!(take > 0 && take as u64 <= most);
                let (batch, later) = rest.split_at(take);
                if let Some(limit) = bytes {
                    prop_assert!(batch.iter().rev().skip(1).sum::<u64>() < limit);
                }
                sealed += batch.len();
                rest = later;
            }
            prop_assert_eq!(sealed, sizes.len());
        }
    }
}
