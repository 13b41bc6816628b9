//! The report as Prometheus text exposition (format 0.0.4): every quantity in its base unit, every state a set of 0 and
//! 1, and no series at all for what was not seen. A name here is a promise to dashboards and alerts.

mod check;
pub(super) mod page;
mod run;

use crate::model::Report;

/// Draws it.
pub(super) fn render(report: &Report) -> String {
    page(report).finish()
}

/// Every family with its series: one place knows them, whatever carries them.
pub(super) fn families(report: &Report) -> Vec<page::Block> {
    page(report).blocks()
}

fn page(report: &Report) -> page::Page {
    let mut page = page::Page::new(report);
    run::draw(&mut page, report);
    check::draw(&mut page, report);
    page
}

#[cfg(test)]
mod tests;
