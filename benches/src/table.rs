//! Answers as tables for a terminal.

use std::fmt::Write as _;

use crate::answer::Answer;

/// Formats a heading and one line per contender: the median, its ratio to the first line, the quartiles, the extremes.
pub fn of(answer: &Answer) -> String {
    let threads = match answer.threads {
        None => String::new(),
        Some(1) => ", 1 thread".into(),
        Some(threads) => format!(", {threads} threads"),
    };
    let ours = answer.rows.first().map_or("", |row| row.contender);
    let width = answer.rows.iter().map(|row| row.contender.chars().count()).max().unwrap_or(0);

    let mut table = format!("{}: {}{threads}\n", answer.question, answer.setting);
    let heads = ["x first", "quartiles", "min..max"];
    let _ = writeln!(table, "{:width$} {:>13} {:>9} {:>17} {:>17}", "", answer.unit, heads[0], heads[1], heads[2]);
    for row in &answer.rows {
        let spread = row.spread();
        let ratio = answer.ratio(row.contender, ours).filter(|ratio| ratio.is_finite());
        let _ = writeln!(
            table,
            "{:width$} {:>13} {:>9} {:>17} {:>17}",
            row.contender,
            number(spread.median),
            ratio.map_or("-".into(), |ratio| format!("{ratio:.2}")),
            format!("{}..{}", number(spread.lower), number(spread.upper)),
            format!("{}..{}", number(spread.min), number(spread.max)),
        );
    }
    table.truncate(table.trim_end().len());
    table
}

/// Formats a number with about three significant digits.
pub fn number(x: f64) -> String {
    let digits = match x.abs() {
        x if x == 0.0 || x >= 100.0 => 0,
        x if x >= 10.0 => 1,
        _ => 2,
    };
    format!("{x:.digits$}")
}
