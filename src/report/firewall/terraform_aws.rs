//! A request as Terraform's resources for AWS: a security group and its egress rules, one a flow and address.

use std::collections::HashSet;
use std::net::IpAddr;

use super::comment;
use crate::model::firewall::{Flow, Protocol, Request};

/// The longest description that AWS takes.
const DESCRIPTION: usize = 255;

const USAGE: [&str; 7] = [
    "Load:    terraform init && terraform apply -var vpc_id=vpc-...   (then give the group to the instances)",
    "Remove:  terraform destroy",
    "",
    "Terraform takes AWS's own rule that lets everything out from a new group, so only these flows leave. Answers to them",
    "come back without a rule, for security groups follow connections; network ACLs do not. A group has 60 rules in each",
    "direction and family until AWS is asked for more. DNS at the VPC's own resolver (AmazonProvidedDNS) is not held",
    "against security groups.",
];

/// Draws it.
pub(super) fn draw(request: &Request) -> String {
    let flows = request.flows_by_address();
    if flows.is_empty() {
        return comment::nothing(request);
    }
    let title = comment::plain(&format!("Firewall request of rtc-check: {}", request.title), DESCRIPTION);
    let mut out = comment::head(request, &USAGE);
    out += &format!(
        "\nvariable \"vpc_id\" {{\n  type        = string\n  description = \"The VPC of the machines that are to reach \
         these hosts\"\n}}\n\nresource \"aws_security_group\" \"rtc_check\" {{\n  name_prefix = \"rtc-check-\"\n  \
         description = \"{title}\"\n  vpc_id      = var.vpc_id\n}}\n"
    );
    let mut names = HashSet::new();
    let mut before = None;
    for flow in &flows {
        for address in &flow.addresses {
            out += &format!("\n{}", comment::reasons(flow, before, ""));
            before = Some(flow);
            out += &rule(flow, *address, &distinct(&name(flow, *address), &mut names));
        }
    }
    out
}

/// One resource, its arguments aligned as `terraform fmt` aligns them.
fn rule(flow: &Flow<'_>, address: IpAddr, name: &str) -> String {
    let (cidr, length) = if address.is_ipv4() { ("cidr_ipv4", 32) } else { ("cidr_ipv6", 128) };
    let protocol = match flow.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        // Only these and ICMP have names there.
        Protocol::Gre => "47",
    };
    let mut arguments = vec![
        ("security_group_id", "aws_security_group.rtc_check.id".to_owned()),
        ("description", format!("\"{}\"", comment::label(flow, DESCRIPTION))),
        (cidr, format!("\"{address}/{length}\"")),
        ("ip_protocol", format!("\"{protocol}\"")),
    ];
    if let Some(ports) = flow.ports {
        arguments.push(("from_port", ports.first().to_string()));
        arguments.push(("to_port", ports.last().to_string()));
    }
    let lines: String = arguments.iter().map(|(name, value)| format!("  {name:<17} = {value}\n")).collect();
    format!("resource \"aws_vpc_security_group_egress_rule\" \"{name}\" {{\n{lines}}}\n")
}

/// `rtc_example_tcp_443`: letters, digits and underscores, beginning with a letter.
fn name(flow: &Flow<'_>, address: IpAddr) -> String {
    let host = flow.hosts.first().filter(|_| flow.hosts.len() == 1).map_or_else(|| address.to_string(), |h| h.bare());
    let of_host = format!("to_{host}_{}", comment::service_ports(flow.protocol, flow.ports));
    let sign = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    of_host.chars().take(100).map(sign).collect()
}

/// The name, with a number where it is taken.
fn distinct(name: &str, taken: &mut HashSet<String>) -> String {
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    let free = std::iter::once(name.to_owned()).chain(numbered).find(|n| !taken.contains(n)).unwrap_or_default();
    taken.insert(free.clone());
    free
}
