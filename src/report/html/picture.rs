//! What all pictures share: the frame with its name and description, scales and numbers. Shapes stand at shares of the
//! width, text at its own size, so that a picture is as readable on a phone as on paper.

use maud::{Markup, html};

/// An image with a name and a description that a screen reader tells in its place; `id` is unique on the page.
pub(super) fn frame(id: &str, name: &str, description: &str, height: f64, inner: &Markup) -> Markup {
    html! {
        svg role="img" aria-labelledby={ (id) "-name " (id) "-told" } width="100%" height=(short(height)) {
            title id={ (id) "-name" } { (super::text(name)) }
            desc id={ (id) "-told" } { (super::text(description)) }
            (inner)
        }
    }
}

/// A share of the width from 0 to 1 as an attribute: `12.5%`.
pub(super) fn share(of: f64) -> String {
    format!("{}%", short(of * 100.0))
}

/// With at most two decimals; what is no number is 0.
pub(super) fn short(number: f64) -> String {
    let number = if number.is_finite() { (number * 100.0).round() / 100.0 + 0.0 } else { 0.0 };
    number.to_string()
}

/// The step of 1, 2, 5, 10, … that parts `span` into at most `parts`; 1 where there is no span.
pub(super) fn step(span: f64, parts: f64) -> f64 {
    let least = span / parts;
    if !(least.is_finite() && least > 0.0) {
        return 1.0;
    }
    let power = 10f64.powi(least.log10().floor() as i32);
    let enough = |n: &f64| n * power * 1.0001 >= least;
    [1.0, 2.0, 5.0].into_iter().find(enough).unwrap_or(10.0) * power
}

/// A time since the beginning, with the unit that suits the whole: `1.5 s`, `12 min`.
pub(super) fn time(ms: f64, whole_ms: f64) -> String {
    if whole_ms >= 300_000.0 { format!("{} min", short(ms / 60_000.0)) } else { format!("{} s", short(ms / 1000.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_always_numbers() {
        assert_eq!([0.1 + 0.2, 12.0, -0.001, f64::NAN, f64::INFINITY].map(short), ["0.3", "12", "0", "0", "0"]);
        assert_eq!(share(0.125), "12.5%");
    }

    #[test]
    fn steps_are_round_and_few() {
        assert_eq!([44.1, 9.0, 1000.0, 0.0, f64::NAN].map(|span| step(span, 4.0)), [20.0, 5.0, 500.0, 1.0, 1.0]);
    }
}
