//! How many restarts are borne before it is said out loud that a restart
//! does not help. Time is an argument.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use crate::Stage;
use crate::settings::RestartIntensity;

/// What to do about an actor that has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Start it anew, after so many restarts of it in the window.
    Actor {
        /// For the backoff.
        restarts_before: u32,
    },
    /// Start all of its stage's actors anew.
    Stage,
    /// Start every stage's actors anew.
    Pipeline,
    /// A restart does not help.
    Process,
}

/// Counts restarts and escalates: too many of a stage's actors restart the
/// stage, a second time in the window the pipeline, a third time nothing is
/// left but to end the process.
#[derive(Debug)]
pub(crate) struct Intensity {
    limit: RestartIntensity,
    restarts: HashMap<Stage, VecDeque<Instant>>,
    escalations: VecDeque<Instant>,
}

impl Intensity {
    pub(crate) fn new(limit: RestartIntensity) -> Self {
        Self { limit, restarts: HashMap::new(), escalations: VecDeque::new() }
    }

    /// An actor of `stage` has stopped at `now`.
    pub(crate) fn stopped(&mut self, stage: Stage, now: Instant) -> Decision {
        let window = self.limit.window;
        let restarts = self.restarts.entry(stage).or_default();
        restarts.retain(|at| now.duration_since(*at) < window);
        if restarts.len() < self.limit.max {
            restarts.push_back(now);
            return Decision::Actor { restarts_before: u32::try_from(restarts.len() - 1).unwrap_or(u32::MAX) };
        }
        restarts.clear();
        // An escalation is remembered longer: each level has a window of its
        // own to show that it helped.
        self.escalations.retain(|at| now.duration_since(*at) < window * 3);
        self.escalations.push_back(now);
        match self.escalations.len() {
            1 => Decision::Stage,
            2 => {
                self.restarts.clear();
                Decision::Pipeline
            }
            _ => Decision::Process,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn too_many_restarts_in_the_window_escalate_level_by_level() {
        let limit = RestartIntensity { max: 2, window: Duration::from_secs(60) };
        let mut intensity = Intensity::new(limit);
        let now = Instant::now();
        let mut decisions = Vec::new();
        for _ in 0..9 {
            decisions.push(intensity.stopped(Stage::Chunker, now));
        }
        let actor = |restarts_before| Decision::Actor { restarts_before };
        assert_eq!(
            decisions,
            [
                actor(0),
                actor(1),
                Decision::Stage,
                actor(0),
                actor(1),
                Decision::Pipeline,
                actor(0),
                actor(1),
                Decision::Process
            ]
        );
    }

    #[test]
    fn restarts_that_are_long_past_and_other_stages_do_not_count() {
        let limit = RestartIntensity { max: 1, window: Duration::from_secs(60) };
        let mut intensity = Intensity::new(limit);
        let now = Instant::now();
        for minutes in 0..20 {
            let at = now + Duration::from_secs(60) * minutes;
            assert_eq!(intensity.stopped(Stage::Chunker, at), Decision::Actor { restarts_before: 0 });
            assert_eq!(intensity.stopped(Stage::Loader, at), Decision::Actor { restarts_before: 0 });
        }
    }
}
