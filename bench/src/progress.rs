//! Progress on stderr.

use std::time::Instant;

/// The steps of a run.
#[derive(Debug)]
pub struct Progress {
    began: Instant,
    done: usize,
    of: usize,
}

impl Progress {
    /// The progress of a run with this number of steps.
    pub fn new(of: usize) -> Self {
        Self {
            began: Instant::now(),
            done: 0,
            of,
        }
    }

    /// Reports a finished step and its result.
    pub fn step(&mut self, what: &str) {
        self.done += 1;
        self.say(&format!("{:3}/{} {what}", self.done, self.of));
    }

    /// Reports a note.
    pub fn say(&self, what: &str) {
        let seconds = self.began.elapsed().as_secs();
        eprintln!("{:3}:{:02}  {what}", seconds / 60, seconds % 60);
    }
}
