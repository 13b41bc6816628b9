//! Renderers of a firewall request, one format a file: a [`Request`] in, text out. Everything in it may come from a
//! stranger's profile or report, so no renderer writes a text that it has not made fit for its format.

mod comment;
mod csv;
mod iptables;
mod markdown;
mod nftables;
mod table;
mod terraform_aws;
mod windows;

pub(super) use csv::cell;

use super::Style;
use crate::model::firewall::Request;

/// What a request is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people, on a terminal.
    Table,
    /// A row a flow and host (RFC 4180).
    Csv,
    /// A table for a ticket.
    Markdown,
    /// A table for `nft -f`.
    Nftables,
    /// A shell script around `iptables-restore` and `ip6tables-restore`.
    Iptables,
    /// A security group's egress rules.
    TerraformAws,
    /// A PowerShell script.
    Windows,
}

impl Form {
    /// It filters by address, so every name must have been resolved.
    pub fn needs_addresses(self) -> bool {
        !matches!(self, Form::Table | Form::Csv | Form::Markdown)
    }
}

/// Which packets a Linux packet filter is to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hook {
    /// Those of the machine itself.
    #[default]
    Output,
    /// Those that a router hands on.
    Forward,
}

/// How a Linux packet filter's rules are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    pub hook: Hook,
    /// Only what is let through, to be put into a chain that is there already; nothing is dropped.
    pub rules_only: bool,
}

/// Draws `request`. Every format ends with a newline; `style` matters to the table, `layout` to Linux packet filters.
pub fn draw(request: &Request, form: Form, layout: Layout, style: &Style) -> String {
    match form {
        Form::Table => table::draw(request, style),
        Form::Csv => csv::draw(request),
        Form::Markdown => markdown::draw(request),
        Form::Nftables => nftables::draw(request, layout),
        Form::Iptables => iptables::draw(request, layout),
        Form::TerraformAws => terraform_aws::draw(request),
        Form::Windows => windows::draw(request),
    }
}

#[cfg(test)]
mod tests;
