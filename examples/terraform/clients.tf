# Firewall request of rtc-check: profile agent, from client
# rtc: 192.0.2.10
#
# Load:    terraform init && terraform apply -var vpc_id=vpc-...   (then give the group to the instances)
# Remove:  terraform destroy
#
# Terraform takes AWS's own rule that lets everything out from a new group, so only these flows leave. Answers to them
# come back without a rule, for security groups follow connections; network ACLs do not. A group has 60 rules in each
# direction and family until AWS is asked for more. DNS at the VPC's own resolver (AmazonProvidedDNS) is not held
# against security groups.
#
# Rules of one group are alternatives to each other: the required or recommended one is the better, and the others stand in for it.

variable "vpc_id" {
  type        = string
  description = "The VPC of the machines that are to reach these hosts"
}

resource "aws_security_group" "rtc_check" {
  name_prefix = "rtc-check-"
  description = "Firewall request of rtc-check: profile agent, from client"
  vpc_id      = var.vpc_id
}

# rtc.http, required: HTTP redirect to HTTPS to rtc (RTC server: web pages, video gateway and its media)
# - Interactive Powers, Network Connectivity Requirements (2020-11-17), Agent Connectivity / RTC Firewall Rules (Video Streams): RTC / TCP / 80 / HTTP - Web Access (Forwarded)
resource "aws_vpc_security_group_egress_rule" "to_192_0_2_10_tcp_80" {
  security_group_id = aws_security_group.rtc_check.id
  description       = "HTTP redirect to HTTPS to 192.0.2.10 (rtc.http), required"
  cidr_ipv4         = "192.0.2.10/32"
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 80
}

# rtc.https, required: HTTPS to rtc (RTC server: web pages, video gateway and its media)
# - Interactive Powers, Network Connectivity Requirements (2020-11-17), Agent Connectivity / RTC Firewall Rules (Video Streams): RTC / TCP / 443 / HTTPS - Secure Web Access
resource "aws_vpc_security_group_egress_rule" "to_192_0_2_10_tcp_443" {
  security_group_id = aws_security_group.rtc_check.id
  description       = "HTTPS to 192.0.2.10 (rtc.https), required"
  cidr_ipv4         = "192.0.2.10/32"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# rtc.gateway, recommended in group rtc.signalling: secure WebSocket to rtc (RTC server: web pages, video gateway and its media)
# - Interactive Powers, Network Connectivity Requirements (2020-11-17), Agent Connectivity / RTC Firewall Rules (Video Streams): RTC / TCP / 8989 / Websocket - Video Gateway (Recommended)
resource "aws_vpc_security_group_egress_rule" "to_192_0_2_10_tcp_8989" {
  security_group_id = aws_security_group.rtc_check.id
  description       = "secure WebSocket to 192.0.2.10 (rtc.gateway), recommended"
  cidr_ipv4         = "192.0.2.10/32"
  ip_protocol       = "tcp"
  from_port         = 8989
  to_port           = 8989
}

# rtc.api, alternative in group rtc.signalling: HTTPS to rtc (RTC server: web pages, video gateway and its media)
# - Interactive Powers, Network Connectivity Requirements (2020-11-17), Agent Connectivity / RTC Firewall Rules (Video Streams): RTC / TCP / 8089 / HTTPS-API - Video Gateway (Alternative)
resource "aws_vpc_security_group_egress_rule" "to_192_0_2_10_tcp_8089" {
  security_group_id = aws_security_group.rtc_check.id
  description       = "HTTPS to 192.0.2.10 (rtc.api), alternative"
  cidr_ipv4         = "192.0.2.10/32"
  ip_protocol       = "tcp"
  from_port         = 8089
  to_port           = 8089
}

# rtc.media, required in group media: RTP media to rtc (RTC server: web pages, video gateway and its media)
# - Interactive Powers, Network Connectivity Requirements (2020-11-17), Agent Connectivity / RTC Firewall Rules (Video Streams): RTC / UDP / 19099 ... 20099 / RTP Media (Video) (1)
resource "aws_vpc_security_group_egress_rule" "to_192_0_2_10_udp_19099_20099" {
  security_group_id = aws_security_group.rtc_check.id
  description       = "RTP media to 192.0.2.10 (rtc.media), required"
  cidr_ipv4         = "192.0.2.10/32"
  ip_protocol       = "udp"
  from_port         = 19099
  to_port           = 20099
}
