//! Answers as tables for a terminal.

use std::fmt::Write as _;

use crate::answer::Answer;

/// A heading, and a line a contender: the median, how it compares with the first, the quartiles and the extremes.
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
            format!("{}..{}", number(spread.least), number(spread.greatest)),
        );
    }
    table.truncate(table.trim_end().len());
    table
}

/// With as many digits as mean something.
pub fn number(x: f64) -> String {
    let digits = match x.abs() {
        x if x == 0.0 || x >= 100.0 => 0,
        x if x >= 10.0 => 1,
        _ => 2,
    };
    format!("{x:.digits$}")
}
