//! The report as Prometheus text exposition (format 0.0.4): every quantity in its base unit, every state a set of 0 and
//! 1, and no series at all for what was not seen. A name here is a promise to dashboards and alerts.

mod check;
mod page;
mod run;

use crate::model::Report;

/// Draws it.
pub(super) fn render(report: &Report) -> String {
    let mut page = page::Page::new(report);
    run::draw(&mut page, report);
    check::draw(&mut page, report);
    page.finish()
}

#[cfg(test)]
mod tests;
