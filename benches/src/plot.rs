//! The pictures: SVG, with a background of their own, so that they are readable on dark and on light pages.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::answer::{Answer, Row};
use crate::machine::Machine;
use crate::names;
use crate::table::number;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const PAPER: RGBColor = RGBColor(0xfc, 0xfc, 0xfa);
const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
/// The height of the lines below a picture.
const FOOT: u32 = 56;
const MUTED: RGBColor = RGBColor(0x55, 0x55, 0x55);
const FAINT: RGBColor = RGBColor(0xdd, 0xdd, 0xd8);
const OURS: RGBColor = RGBColor(0xc8, 0x10, 0x2e);

/// Draws each picture for which the answers are there, and returns it with its file name.
///
/// # Errors
///
/// Returns the error of the drawing library.
pub fn pictures(answers: &[Answer], machine: &Machine) -> Result<Vec<(&'static str, String)>, String> {
    let mut pictures = Vec::new();
    let mut by_threads: Vec<_> =
        answers.iter().filter(|answer| matches!(answer.question, "one-thread" | "threads")).collect();
    by_threads.sort_by_key(|answer| answer.threads);
    if by_threads.len() > 1 {
        pictures.push(("threads.svg", threads(&by_threads, machine)?));
    }
    if let Some(answer) = answers.iter().find(|answer| answer.question == "one-thread") {
        let title = "One thread: cost of one cheap item";
        pictures.push(("one-thread.svg", bars(answer, title, machine)?));
    }
    if let Some(answer) = answers.iter().find(|answer| answer.question == "owned") {
        let title = "One owner, no lock: cost of one cheap item";
        pictures.push(("owned.svg", bars(answer, title, machine)?));
    }
    Ok(pictures)
}

/// Draws nanoseconds per item over the number of threads: one line per contender, with its name at its end.
fn threads(answers: &[&Answer], machine: &Machine) -> Result<String, String> {
    const LABELS: u32 = 300;
    const LINE: i32 = 17;

    let names: Vec<_> = answers[0].rows.iter().map(|row| row.contender).collect();
    let medians = answers.iter().flat_map(|answer| answer.rows.iter().map(Row::median));
    let (low, high) = medians.fold((f64::MAX, f64::MIN), |(low, high), y| (low.min(y), high.max(y)));
    let last = exponent(answers.last().expect("there are answers"));

    picture((960, 576), machine, |area| {
        let mut chart = ChartBuilder::on(area)
            .caption("Cheap items shared between threads", heading())
            .margin(12)
            .margin_right(LABELS)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(0.0..last, (low / 1.4..high * 1.4).log_scale())?;
        // The axis of threads is logarithmic: the powers of two are equally spaced.
        chart
            .configure_mesh()
            .x_labels(7)
            .x_label_formatter(&|x| format!("{:.0}", x.exp2()))
            .y_label_formatter(&f64::to_string)
            .x_desc("threads that take items (log scale)")
            .y_desc("ns per item, median (log scale)")
            .label_style(text(13))
            .axis_desc_style(text(14))
            .axis_style(INK)
            .bold_line_style(FAINT)
            .light_line_style(FAINT.mix(0.4))
            .draw()?;

        let mut ends = Vec::new();
        // Ours is drawn last, on top of the others.
        for name in names.iter().rev() {
            let points: Vec<_> =
                answers.iter().filter_map(|answer| Some((exponent(answer), answer.row(name)?.median()))).collect();
            let Some(&end) = points.last() else { continue };
            let colour = colour(name);
            let width = if *name == names::OURS { 4 } else { 2 };
            chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(width)))?;
            chart.draw_series(points.iter().map(|point| Circle::new(*point, width + 1, colour.filled())))?;
            ends.push((chart.backend_coord(&end), *name));
        }

        // Each name stands beside the end of its line, or as close to it as the other names allow; a thin line connects
        // them.
        ends.sort_by_key(|((_, y), _)| *y);
        let mut label_ys: Vec<i32> = ends.iter().map(|((_, y), _)| *y).collect();
        spread_out(&mut label_ys, LINE, 520 - LINE);
        for (((x, y), name), label_y) in ends.into_iter().zip(label_ys) {
            let colour = colour(name);
            area.draw(&PathElement::new([(x + 6, y), (x + 22, label_y)], colour.mix(0.6)))?;
            area.draw(&Text::new(name, (x + 26, label_y), label(name).color(&colour)))?;
        }
        Ok(())
    })
}

/// Draws one bar per contender, the shortest on top.
fn bars(answer: &Answer, title: &str, machine: &Machine) -> Result<String, String> {
    const BAR: u32 = 26;

    let mut rows: Vec<_> = answer.rows.iter().collect();
    rows.sort_by(|a, b| a.median().total_cmp(&b.median()));
    // The axis has room for the longest bar and its number. A wider spread is cut off, because one noisy contender
    // would otherwise shrink all the others to dots.
    let end = rows.iter().map(|row| row.median()).fold(0.0, f64::max) * 1.2;
    let count = f64::from(u32::try_from(rows.len()).expect("some dozen rows"));
    let height = 120 + BAR * u32::try_from(rows.len()).expect("some dozen rows");

    picture((960, height + FOOT), machine, |area| {
        let mut chart = ChartBuilder::on(area)
            .caption(title, heading())
            .margin(12)
            .margin_right(40)
            .x_label_area_size(44)
            .y_label_area_size(290)
            .build_cartesian_2d(0.0..end * 1.05, 0.0..count)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .y_labels(0)
            .x_label_formatter(&f64::to_string)
            .x_desc("ns per item: median, and a line from the lower to the upper quartile")
            .label_style(text(13))
            .axis_desc_style(text(14))
            .axis_style(INK)
            .bold_line_style(FAINT)
            .light_line_style(TRANSPARENT)
            .draw()?;
        let mut top = count;
        for row in rows {
            let (spread, middle) = (row.spread(), top - 0.5);
            let upper = spread.upper.min(end);
            let colour = colour(row.contender);
            let bar = [(0.0, top - 0.15), (spread.median, top - 0.85)];
            chart.draw_series([Rectangle::new(bar, colour.mix(0.75).filled())])?;
            let quartiles = vec![(spread.lower, middle), (upper, middle)];
            chart.draw_series([PathElement::new(quartiles, INK.stroke_width(2))])?;
            let (left, y) = chart.backend_coord(&(0.0, middle));
            let (right, _) = chart.backend_coord(&(upper, middle));
            let name = label(row.contender).color(&colour).pos(Pos::new(HPos::Right, VPos::Center));
            area.draw(&Text::new(row.contender, (left - 8, y), name))?;
            area.draw(&Text::new(number(spread.median), (right + 6, y), label(row.contender).color(&INK)))?;
            top -= 1.0;
        }
        Ok(())
    })
}

type Drawn = Result<(), DrawingAreaErrorKind<<SVGBackend<'static> as DrawingBackend>::ErrorType>>;

/// Draws the background, the content by `draw`, and below it the machine and the versions.
fn picture(size: (u32, u32), machine: &Machine, draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<String, String> {
    let mut svg = String::new();
    {
        let paper = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let width = i32::try_from(size.0).expect("a picture's width");
        let drawn = || {
            paper.fill(&PAPER)?;
            let (area, foot) = paper.split_vertically(size.1 - FOOT);
            draw(&area)?;
            // The versions take two lines: one line nearly fills the picture, and fonts differ in width between
            // viewers.
            let (first, second) = machine.crates.split_at(machine.crates.len() / 2);
            for (line, y) in [machine.hardware(), first.join(", "), second.join(", ")].into_iter().zip([8, 24, 40]) {
                let style = text(11).color(&MUTED).pos(Pos::new(HPos::Center, VPos::Center));
                foot.draw(&Text::new(line, (width / 2, y), style))?;
            }
            paper.present()
        };
        drawn().map_err(|error| error.to_string())?;
    }
    Ok(svg)
}

/// Returns the position of an answer on the logarithmic axis of threads.
fn exponent(answer: &Answer) -> f64 {
    f64::from(u32::try_from(answer.threads.unwrap_or(1)).expect("some threads")).log2()
}

/// Moves sorted `positions` apart until each is at least `step` from the next and none is beyond `end`.
fn spread_out(positions: &mut [i32], step: i32, end: i32) {
    for i in 1..positions.len() {
        positions[i] = positions[i].max(positions[i - 1] + step);
    }
    let mut limit = end;
    for position in positions.iter_mut().rev() {
        *position = (*position).min(limit);
        limit = *position - step;
    }
}

fn heading() -> TextStyle<'static> {
    ("sans-serif", 20).into_font().color(&INK)
}

fn text(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

/// Returns the style of a contender's name. Ours is bold.
fn label(name: &str) -> TextStyle<'static> {
    let style = if name.starts_with(names::OURS) { FontStyle::Bold } else { FontStyle::Normal };
    FontDesc::new(FontFamily::SansSerif, 13.0, style).color(&INK).pos(Pos::new(HPos::Left, VPos::Center))
}

/// Returns the colour of a contender. Related ones are similar: ours red, mutexes grey to brown, generators in a mutex
/// blue, orx green.
fn colour(name: &str) -> RGBColor {
    match name {
        names::OURS | names::OUR_GENERATOR | names::OURS_OWNED => OURS,
        names::OUR_LOCK => RGBColor(0xd9, 0x6b, 0x7c),
        names::OUR_BUFFERED => RGBColor(0x9b, 0x11, 0x6b),
        names::OUR_RAYON => RGBColor(0x55, 0x1a, 0x8b),
        names::HAND | names::PLAIN => INK,
        names::HAND_0_13 => RGBColor(0x77, 0x77, 0x77),
        names::STD => RGBColor(0x8c, 0x56, 0x4b),
        names::GENAWAITER | names::GENAWAITER_SYNC => RGBColor(0x1f, 0x5f, 0xa8),
        names::GENAWAITER_RC => RGBColor(0x10, 0x35, 0x66),
        names::FAUXGEN | names::FAUXGEN_ALONE => RGBColor(0x10, 0x8a, 0x9c),
        names::ASYNC_STREAM | names::ASYNC_STREAM_ALONE => RGBColor(0x4a, 0x7d, 0xe0),
        names::ORX => RGBColor(0x1b, 0x7f, 0x2e),
        names::ORX_CHUNKS => RGBColor(0x5d, 0x9c, 0x1f),
        names::PAR_BRIDGE => RGBColor(0x83, 0x4f, 0xb5),
        names::CROSSBEAM => RGBColor(0xd9, 0x66, 0x00),
        names::FLUME => RGBColor(0xa8, 0x83, 0x00),
        _ => RGBColor(0x55, 0x55, 0x99),
    }
}
