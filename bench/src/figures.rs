//! The measurements by round, and the figures from them.

use std::collections::BTreeMap;

use crate::contender::Contender;
use crate::memory::Memory;
use crate::row::Depth;
use crate::tax::Turn;
use crate::wrk::Load;

/// All measurements. Data sets are identified by their index on the command line.
#[derive(Debug, Default)]
pub struct Figures {
    /// By data set, row and contender, one for each round.
    loads: BTreeMap<(usize, &'static str, Contender), Vec<Load>>,
    /// The actual writes per second, by data set and row.
    written: BTreeMap<(usize, &'static str), Vec<f64>>,
    /// Milliseconds for an uncached page: the median of each round.
    cold: BTreeMap<(usize, Depth, Contender), Vec<f64>>,
    pub memory: BTreeMap<(usize, Contender), Memory>,
    /// Milliseconds from each change to the last response to a long poll, by data set.
    pub waiters: BTreeMap<usize, Vec<f64>>,
    pub tax: Vec<Turn>,
}

impl Figures {
    pub fn add_load(&mut self, data: usize, row: &'static str, contender: Contender, load: Load) {
        self.loads.entry((data, row, contender)).or_default().push(load);
    }

    pub fn add_written(&mut self, data: usize, row: &'static str, rate: f64) {
        self.written.entry((data, row)).or_default().push(rate);
    }

    pub fn add_cold(&mut self, data: usize, depth: Depth, contender: Contender, millis: f64) {
        self.cold
            .entry((data, depth, contender))
            .or_default()
            .push(millis);
    }

    /// The measurements of a row, in the order of the rounds.
    pub fn loads(&self, data: usize, row: &'static str, contender: Contender) -> &[Load] {
        self.loads.get(&(data, row, contender)).map_or(&[], Vec::as_slice)
    }

    /// Responses per second, in the order of the rounds.
    pub fn rates(&self, data: usize, row: &'static str, contender: Contender) -> Vec<f64> {
        self.loads(data, row, contender)
            .iter()
            .map(|load| load.rate)
            .collect()
    }

    /// Milliseconds of the cold page, in the order of the rounds.
    pub fn cold(&self, data: usize, depth: Depth, contender: Contender) -> &[f64] {
        self.cold
            .get(&(data, depth, contender))
            .map_or(&[], Vec::as_slice)
    }

    /// The minimum and maximum of the actual writes per second in a row.
    pub fn written(&self, data: usize, row: &'static str) -> Option<(f64, f64)> {
        let rates = self.written.get(&(data, row))?;
        let least = rates.iter().copied().reduce(f64::min)?;
        Some((least, rates.iter().copied().reduce(f64::max)?))
    }

    /// The peer with the highest median of a row.
    pub fn best_peer(&self, data: usize, row: &'static str) -> Option<Contender> {
        let rate = |peer: &Contender| median(&self.rates(data, row, *peer));
        Contender::PEERS
            .into_iter()
            .filter(|peer| rate(peer).is_some())
            .max_by(|one, other| rate(one).unwrap_or(0.0).total_cmp(&rate(other).unwrap_or(0.0)))
    }

    /// The service's rate as a multiple of another contender's in the same row.
    pub fn against(&self, data: usize, row: &'static str, other: Contender) -> Option<f64> {
        ratio(
            &self.rates(data, row, Contender::Service),
            &self.rates(data, row, other),
        )
    }

    /// The service's rate in a row as a multiple of that of the best peer in a row, which may be another.
    pub fn against_best(&self, data: usize, row: &'static str, peers_row: &'static str) -> Option<f64> {
        let best = self.best_peer(data, peers_row)?;
        ratio(
            &self.rates(data, row, Contender::Service),
            &self.rates(data, peers_row, best),
        )
    }

    /// The cost of a request of a row on one data set, as a multiple of its cost on another.
    pub fn growth(&self, row: &'static str, contender: Contender, large: usize, small: usize) -> Option<f64> {
        ratio(
            &self.rates(small, row, contender),
            &self.rates(large, row, contender),
        )
    }

    /// Writes with the triggers as a fraction of writes without. `flushed` means that commits wait for the disk.
    pub fn tax(&self, flushed: bool) -> Option<f64> {
        let turns = || self.tax.iter().filter(|turn| turn.flushed == flushed);
        let with: Vec<_> = turns().map(|turn| turn.with).collect();
        let without: Vec<_> = turns().map(|turn| turn.without).collect();
        ratio(&with, &without)
    }

    /// The errors of all contenders in all rounds of a row.
    pub fn errors(&self, data: usize, row: &'static str) -> u64 {
        let all = Contender::ALL.into_iter();
        all.flat_map(|contender| self.loads(data, row, contender))
            .map(|load| load.errors)
            .sum()
    }
}

/// The median. `None` if there are no values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// The median of the ratios of each round. Within a round a slow machine affects both values.
pub fn ratio(ones: &[f64], others: &[f64]) -> Option<f64> {
    let ratios: Vec<_> = ones
        .iter()
        .zip(others)
        .filter(|(_, other)| **other > 0.0)
        .map(|(one, other)| one / other)
        .collect();
    median(&ratios)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: Option<f64>, other: f64) -> bool {
        one.is_some_and(|one| (one - other).abs() < 1e-9)
    }

    #[test]
    fn the_median_of_an_even_number_is_the_mean() {
        assert_eq!(median(&[]), None);
        assert!(same(median(&[3.0, 1.0, 2.0]), 2.0));
        assert!(same(median(&[4.0, 1.0]), 2.5));
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        assert!(same(ratio(&[10.0, 100.0, 30.0], &[1.0, 10.0, 10.0]), 10.0));
        assert_eq!(ratio(&[1.0], &[0.0]), None);
        assert_eq!(ratio(&[1.0], &[]), None);
    }

    #[test]
    fn the_best_peer_is_chosen_per_row() {
        let mut figures = Figures::default();
        let load = |rate| Load {
            rate,
            p50: None,
            p99: None,
            errors: 1,
        };
        figures.add_load(0, "250", Contender::FastApi, load(10.0));
        figures.add_load(0, "250", Contender::Fastify, load(20.0));
        figures.add_load(0, "250", Contender::Service, load(300.0));
        assert_eq!(figures.best_peer(0, "250"), Some(Contender::Fastify));
        assert!(same(figures.against_best(0, "250", "250"), 15.0));
        assert_eq!(figures.best_peer(0, "10"), None);
        assert_eq!(figures.errors(0, "250"), 3);
    }
}
