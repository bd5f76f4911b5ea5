//! How the work goes on, for whoever watches: a line per stage that moves, or log lines.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use lakegate_sdk::{StageStatus, Status};

use super::until_idle::{Baseline, same_work};
use crate::output::{
    Output,
    text::{counted, thousands},
};

/// Time between two log lines.
const LOG_EVERY: Duration = Duration::from_secs(1);

/// How the work goes on, for whoever watches.
pub(crate) enum Progress {
    /// A line per stage on a terminal.
    Bars(Bars),
    /// Log lines.
    Log(LogLines),
}

impl Progress {
    /// Bars where a person watches a terminal, log lines elsewhere.
    pub(crate) fn new(out: &Output, baseline: &Baseline) -> Progress {
        if out.is_watched() {
            Progress::Bars(Bars::new(out.screen().clone(), baseline.clone()))
        } else {
            Progress::Log(LogLines::default())
        }
    }

    /// Shows a status.
    pub(crate) fn update(&mut self, status: &Status) {
        match self {
            Progress::Bars(bars) => bars.update(status),
            Progress::Log(log) => log.update(status),
        }
    }

    /// Leaves what was shown last on the screen.
    pub(crate) fn finish(&mut self) {
        match self {
            Progress::Bars(bars) => bars.finish(),
            Progress::Log(log) => log.finish(),
        }
    }
}

/// A line per stage.
pub(crate) struct Bars {
    screen: MultiProgress,
    stages: BTreeMap<String, ProgressBar>,
    footer: ProgressBar,
    baseline: Baseline,
}

impl Bars {
    fn new(screen: MultiProgress, baseline: Baseline) -> Bars {
        let footer = screen.add(ProgressBar::new_spinner().with_style(style("{spinner:.cyan} {msg:.dim}")));
        footer.enable_steady_tick(Duration::from_millis(120));
        Bars { screen, stages: BTreeMap::new(), footer, baseline }
    }

    fn update(&mut self, status: &Status) {
        let width = status.stages.iter().map(|stage| stage.stage.chars().count()).max().unwrap_or(0);
        for stage in &status.stages {
            let bar = self.stages.entry(stage.stage.clone()).or_insert_with(|| {
                let line = style("{prefix} {bar:24.cyan/dim} {msg}").progress_chars("━╸─");
                self.screen.insert_before(&self.footer, ProgressBar::new(0).with_style(line))
            });
            let done = self.baseline.done_since(stage);
            let ended = done.succeeded + done.failed + done.quarantined;
            bar.set_prefix(format!("{:width$}", stage.stage));
            bar.set_length(ended + stage.waiting + stage.ready + stage.running);
            bar.set_position(ended);
            bar.set_message(stage_text(stage, ended, done.failed + done.quarantined, done.rows_out));
        }
        self.footer.set_message(footer_text(status));
    }

    fn finish(&mut self) {
        self.footer.finish_and_clear();
        for bar in self.stages.values() {
            bar.abandon();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are this file's own; one that can't be read shows the plain bar.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn stage_text(stage: &StageStatus, ended: u64, bad: u64, rows: u64) -> String {
    let all = ended + stage.waiting + stage.ready + stage.running;
    let mut parts = vec![format!("{}/{}", thousands(ended), thousands(all))];
    if rows > 0 {
        parts.push(format!("{} rows", thousands(rows)));
    }
    if stage.running > 0 {
        parts.push(format!("{} running", thousands(stage.running)));
    }
    if stage.collecting > 0 {
        parts.push(format!("{} collecting", thousands(stage.collecting)));
    }
    if bad > 0 {
        parts.push(format!("{} failed or set aside", thousands(bad)));
    }
    if stage.waiting > 0 && !stage.waiting_for.is_empty() {
        parts.push(format!("waits for {}", stage.waiting_for.join(", ")));
    }
    if stage.paused {
        parts.push("paused".to_owned());
    }
    parts.join(" · ")
}

fn footer_text(status: &Status) -> String {
    let workers =
        if status.workers == 0 { "no worker: work waits until one joins".to_owned() } else { counted(u64::from(status.workers), "worker") };
    let unrouted =
        if status.unrouted == 0 { String::new() } else { format!(" · {} that no pipeline takes", counted(status.unrouted, "file")) };
    let arriving = if status.arriving == 0 { String::new() } else { format!(" · {} arriving", thousands(status.arriving)) };
    format!("{workers}{arriving}{unrouted}")
}

/// Log lines: at most one a second, and only when something has changed.
#[derive(Default)]
pub(crate) struct LogLines {
    written: Option<(Instant, Status)>,
    waiting: Option<Status>,
}

impl LogLines {
    fn update(&mut self, status: &Status) {
        let news = self.written.as_ref().is_none_or(|(_, last)| !same_work(last, status));
        if !news {
            self.waiting = None;
            return;
        }
        if self.written.as_ref().is_some_and(|(at, _)| at.elapsed() < LOG_EVERY) {
            self.waiting = Some(status.clone());
            return;
        }
        self.write(status);
    }

    fn finish(&mut self) {
        if let Some(status) = self.waiting.take() {
            self.write(&status);
        }
    }

    fn write(&mut self, status: &Status) {
        let sum = |of: fn(&StageStatus) -> u64| status.stages.iter().map(of).sum::<u64>();
        tracing::info!(
            workers = status.workers,
            arriving = status.arriving,
            waiting = sum(|stage| stage.waiting),
            ready = sum(|stage| stage.ready),
            running = sum(|stage| stage.running),
            collecting = sum(|stage| stage.collecting),
            succeeded = sum(|stage| stage.succeeded),
            failed = sum(|stage| stage.failed),
            quarantined = sum(|stage| stage.quarantined),
            unrouted = status.unrouted,
            "progress"
        );
        self.waiting = None;
        self.written = Some((Instant::now(), status.clone()));
    }
}
