//! Says on stderr what is done and what is left.

use std::time::Instant;

/// The steps of a run.
#[derive(Debug)]
pub struct Progress {
    began: Instant,
    done: usize,
    of: usize,
}

impl Progress {
    /// Before the first of so many steps.
    pub fn new(of: usize) -> Self {
        Self {
            began: Instant::now(),
            done: 0,
            of,
        }
    }

    /// A step is done, and this came of it.
    pub fn step(&mut self, what: &str) {
        self.done += 1;
        self.say(&format!("{:3}/{} {what}", self.done, self.of));
    }

    /// Something else that is worth a line.
    pub fn say(&self, what: &str) {
        let seconds = self.began.elapsed().as_secs();
        eprintln!("{:3}:{:02}  {what}", seconds / 60, seconds % 60);
    }
}
