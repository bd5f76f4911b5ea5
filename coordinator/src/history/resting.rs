//! The histories of stages that are idle.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use lakegate_model::StageKey;

use super::kept::{Histories, MOST_POINTS};

/// The histories of stages that are idle. Nothing of such a stage ends, so nothing is missed meanwhile; what it
/// has is there when it is woken, and is not read from the ledger again.
#[derive(Default)]
pub(crate) struct Resting(Mutex<VecDeque<(Histories, usize)>>);

impl Resting {
    /// The values kept of all idle stages together.
    const MOST: usize = 2 * MOST_POINTS;

    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<(Histories, usize)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A stage goes idle. If they are too many together, those that have most are forgotten, of equal ones those that
    /// have been idle for longest: one large history does not cost many small ones theirs.
    pub(crate) fn put(&self, histories: Histories) {
        let points = histories.points();
        if points == 0 {
            return;
        }
        let mut queue = self.queue();
        queue.retain(|(resting, _)| resting.stage != histories.stage);
        queue.push_back((histories, points));
        let mut all: usize = queue.iter().map(|(_, points)| points).sum();
        while all > Resting::MOST {
            let largest = queue.iter().enumerate().max_by_key(|(at, (_, points))| (*points, std::cmp::Reverse(*at)));
            let Some((_, points)) = largest.map(|(at, _)| at).and_then(|at| queue.remove(at)) else { return };
            all -= points;
        }
    }

    /// The history of a stage that is woken, if it is here.
    pub(crate) fn take(&self, stage: &StageKey) -> Option<Histories> {
        let mut queue = self.queue();
        let at = queue.iter().position(|(resting, _)| resting.stage == *stage)?;
        queue.remove(at).map(|(histories, _)| histories)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ports::ledger::Execution;

    #[test]
    fn idle_stages_keep_their_history_as_far_as_there_is_room() {
        let resting = Resting::default();
        let histories = |name: &str, points: usize| {
            let stage = StageKey::parse(&format!("shop/orders/{name}")).unwrap();
            Histories::holding(Arc::new(Vec::<Execution>::new()), stage, points)
        };
        let key = |name: &str| StageKey::parse(&format!("shop/orders/{name}")).unwrap();
        resting.put(histories("none", 0));
        for name in ["a", "b", "a"] {
            resting.put(histories(name, 5));
        }
        assert_eq!(resting.queue().len(), 2, "a stage is here once");
        resting.put(histories("c", Resting::MOST - 5));
        assert!(resting.take(&key("c")).is_none() && resting.take(&key("none")).is_none(), "it alone is too large to be kept beside them");
        resting.put(histories("d", Resting::MOST - 10));
        assert_eq!(resting.queue().len(), 3);
        resting.put(histories("e", 5));
        assert!(resting.take(&key("d")).is_none(), "one large one gives room to all others");
        assert!(resting.take(&key("a")).is_some_and(|of| of.points() == 5) && resting.take(&key("a")).is_none());
        assert!(resting.take(&key("b")).is_some() && resting.take(&key("e")).is_some());
        for name in ["f", "g", "h"] {
            resting.put(histories(name, Resting::MOST / 2));
        }
        assert!(resting.take(&key("f")).is_none() && resting.take(&key("g")).is_some(), "of equal ones what was idle for longest goes");
    }
}
