# A responder on a VM at AWS, behind a security group that opens what the profile's document asks for and nothing else,
# so that a customer's firewall can be proven before the platform is there.
#
#   terraform init && terraform apply -var vpc_id=vpc-… -var subnet_id=subnet-… -var ami=ami-… -var package=https://…
#
# The address comes first, for both files beside this one are made with it:
#   terraform apply -target aws_eip.responder …              (prints the address; 192.0.2.10 stands for it here)
#   rtc-check firewall --profile agent --target rtc=192.0.2.10 --only rtc --as csv --output flows.csv
#   rtc-check firewall --profile agent --target rtc=192.0.2.10 --only rtc --as terraform-aws --output clients.tf
# flows.csv becomes this group's inbound rules below. clients.tf is the other side: the outbound group of machines that
# are to reach the responder, and declares vpc_id; leave it out, and declare vpc_id, where there are none at AWS.

variable "subnet_id" {
  type        = string
  description = "A public subnet of the VPC"
}

variable "ami" {
  type        = string
  description = "A Debian or Ubuntu image for x86_64"
}

variable "package" {
  type        = string
  description = "Where rtc-check's Debian package is fetched from"
}

variable "clients" {
  type        = string
  default     = "0.0.0.0/0"
  description = "Who may reach the responder; it is safe to leave open, and safer to name the offices"
}

locals {
  # A flow that two rules of the document ask for stands there once, with both their names.
  flows = {
    for flow in csvdecode(file("${path.module}/flows.csv")) : "${flow.protocol}-${flow.ports}" => {
      protocol = flow.protocol
      from     = tonumber(split("-", flow.ports)[0])
      to       = tonumber(reverse(split("-", flow.ports))[0])
      words    = "${flow.service} (${flow.rule}), ${flow.need}"
    } if contains(["tcp", "udp"], flow.protocol)
  }
}

resource "aws_security_group" "responder" {
  name_prefix = "rtc-check-responder-"
  description = "Inbound flows of the agent profile, made by rtc-check"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "responder" {
  for_each          = local.flows
  security_group_id = aws_security_group.responder.id
  description       = each.value.words
  cidr_ipv4         = var.clients
  ip_protocol       = each.value.protocol
  from_port         = each.value.from
  to_port           = each.value.to
}

# For the package alone: a responder opens no connection. Take it away once it is installed.
resource "aws_vpc_security_group_egress_rule" "responder_package" {
  security_group_id = aws_security_group.responder.id
  description       = "HTTPS, to fetch the package"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_eip" "responder" {
  domain = "vpc"
}

resource "aws_eip_association" "responder" {
  instance_id   = aws_instance.responder.id
  allocation_id = aws_eip.responder.id
}

resource "aws_instance" "responder" {
  ami                    = var.ami
  instance_type          = "t3.small"
  subnet_id              = var.subnet_id
  vpc_security_group_ids = [aws_security_group.responder.id]

  metadata_options {
    http_tokens = "required"
  }

  # The package has the service (examples/systemd/rtc-check-responder.service). RTC_CHECK_NAME puts the outside address
  # into the certificate, because the machine itself sees only its inside one.
  user_data = <<-EOT
    #!/bin/sh
    set -eu
    mkdir -p /etc/rtc-check
    printf '%s\n' RTC_CHECK_PROFILE=agent RTC_CHECK_ROLE=rtc 'RTC_CHECK_NAME=${aws_eip.responder.public_ip}' \
      > /etc/rtc-check/responder.env
    curl -fsSLo /tmp/rtc-check.deb '${var.package}'
    apt-get install -y /tmp/rtc-check.deb
    systemctl enable --now rtc-check-responder
  EOT
}

output "try" {
  description = "What to type in the network under test; ca.pem is /var/lib/rtc-check-responder/ca.pem of the machine"
  value       = "rtc-check --profile agent --target rtc=${aws_eip.responder.public_ip} --only rtc --ca ca.pem"
}
