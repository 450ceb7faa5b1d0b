//! The chart: pages per second as a multiple of the best peer's, on a logarithmic scale.

use std::fmt::Write;

use crate::data::DataSize;
use crate::figures::Figures;
use crate::report::measured;

const LABELS: f64 = 270.0;
const PLOT: f64 = 520.0;
const BAR: f64 = 14.0;
const GAP: f64 = 8.0;
const TOP: f64 = 46.0;
/// From a tenth to a thousand times.
const LEAST: f64 = -1.0;
const MOST: f64 = 3.0;
const COLOURS: [&str; 4] = ["#2f6f9f", "#d08a2e", "#5b8c5a", "#8a5a83"];

/// The chart of all rows with peers, one bar for each data set.
pub fn svg(figures: &Figures, sizes: &[DataSize]) -> String {
    let groups = groups(figures, sizes.len());
    #[expect(clippy::cast_precision_loss, reason = "a few bars")]
    let height = |bars: usize, groups: usize| bars as f64 * BAR + groups as f64 * GAP;
    let bars = groups.iter().map(|(_, bars)| bars.len()).sum();
    let bottom = TOP + height(bars, groups.len());
    let (width, whole) = (LABELS + PLOT + 70.0, bottom + 14.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {whole}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{whole}\" fill=\"#ffffff\"/>\n"
    );
    legend(&mut svg, sizes);
    scale(&mut svg, bottom);
    let mut y = TOP;
    for (title, bars) in &groups {
        for (place, (data, ratio)) in bars.iter().enumerate() {
            let end = x(*ratio);
            let middle = y + BAR - 3.5;
            if place == 0 {
                text(&mut svg, LABELS - 8.0, middle, "end", title);
            }
            let (from, length) = (x(1.0).min(end), (end - x(1.0)).abs());
            let colour = COLOURS[data % COLOURS.len()];
            let _ = writeln!(
                svg,
                "<rect x=\"{from:.1}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
                BAR - 2.0
            );
            text(
                &mut svg,
                end.max(x(1.0)) + 5.0,
                middle,
                "start",
                &format!("{ratio:.1}x"),
            );
            y += BAR;
        }
        y += GAP;
    }
    svg.push_str("</svg>\n");
    svg
}

/// Rows and their ratios by data set.
fn groups(figures: &Figures, sizes: usize) -> Vec<(&'static str, Vec<(usize, f64)>)> {
    crate::row::ROWS
        .iter()
        .map(|row| {
            let bars = (0..sizes)
                .filter(|data| measured(figures, *data).any(|one| one == row))
                .filter_map(|data| Some((data, figures.against_best(data, row.key, row.key)?)));
            (row.title, bars.collect::<Vec<_>>())
        })
        .filter(|(_, bars)| !bars.is_empty())
        .collect()
}

fn legend(svg: &mut String, sizes: &[DataSize]) {
    text(
        svg,
        10.0,
        18.0,
        "start",
        "Answers a second, as a multiple of the best peer's",
    );
    let mut left = LABELS;
    for (data, size) in sizes.iter().enumerate() {
        let colour = COLOURS[data % COLOURS.len()];
        let _ = writeln!(
            svg,
            "<rect x=\"{left}\" y=\"26\" width=\"10\" height=\"10\" fill=\"{colour}\"/>"
        );
        text(
            svg,
            left + 14.0,
            35.0,
            "start",
            &format!("{} pending of {}", size.pending, size.all),
        );
        left += 190.0;
    }
}

fn scale(svg: &mut String, bottom: f64) {
    for (times, name) in [
        (0.1, "0.1x"),
        (1.0, "1x"),
        (10.0, "10x"),
        (100.0, "100x"),
        (1000.0, "1000x"),
    ] {
        let at = x(times);
        let colour = if name == "1x" { "#333333" } else { "#dddddd" };
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"{:.1}\" x2=\"{at:.1}\" y2=\"{bottom:.1}\" stroke=\"{colour}\"/>",
            TOP - 4.0
        );
        text(svg, at, bottom + 10.0, "middle", name);
    }
}

/// The position of a ratio on the scale.
fn x(ratio: f64) -> f64 {
    let place = ratio.log10().clamp(LEAST, MOST);
    LABELS + (place - LEAST) / (MOST - LEAST) * PLOT
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#222222\">{words}</text>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_logarithmic_and_clipped_to_the_chart() {
        let close = |one: f64, other: f64| (one - other).abs() < 1e-9;
        assert!(close(x(10.0) - x(1.0), x(100.0) - x(10.0)));
        assert!(close(x(1e9), LABELS + PLOT) && close(x(0.0), LABELS));
    }
}
