//! What stands below the flags in `--help`: examples by task, exit codes, the words for what is tried beside the rules,
//! and where secrets are read.

/// Below `rtc-check -h`.
pub const SHORT: &str = "\
Try it without a network:  rtc-check demo
Examples, exit codes and secrets:  rtc-check --help";

/// Below `rtc-check --help`.
pub const LONG: &str = "\
EXAMPLES

See it at work, without a network
  rtc-check demo
  rtc-check profiles show agent

Check a network before going live, or see what that would send
  rtc-check --profile agent --target rtc=rtc.example.com --target acd=acd.example.com
  rtc-check --profile user --target rtc=rtc.example.com --dry-run
  rtc-check --profile valt --from media-server --target camera=192.0.2.21,192.0.2.22

Find out why it fails: any word of a report, this machine, here against there
  rtc-check explain path.mtu
  rtc-check doctor
  rtc-check diff office.json home.json

Ask somebody else: the rules to open, a report without names, all that a support desk needs
  rtc-check firewall --from-report report.json --as markdown
  rtc-check --profile user --target rtc=HOST --redact all --report html=ticket.html
  rtc-check bundle --profile user --target rtc=HOST --output ticket.tar.gz

Gate a deployment, by the verdict or by what got worse
  rtc-check --profile user --target rtc=HOST --report junit=rtc.xml --report markdown=rtc.md
  rtc-check --profile user --target rtc=HOST --baseline before.json --fail-on worse

Watch it: in a terminal, from Prometheus, from Nagios
  rtc-check watch --interval 60s --profile user --target rtc=HOST
  rtc-check exporter --listen :9742 --allow rtc.example.com
  rtc-check --profile user --target rtc=HOST --format nagios --exit-codes nagios

Prove the firewall before the platform is there: on the far side, then from here
  rtc-check serve --profile agent --role rtc --ca-out ca.pem
  rtc-check --profile agent --target rtc=192.0.2.10 --only rtc --ca ca.pem

EXIT CODES
  0 every required check passed (warnings allowed; --strict makes them failures)
  1 a required check failed
  2 usage, profile or configuration error: nothing was probed; or a good run whose report is lost
  3 none failed, but a required one is unknown
130 interrupted: the partial report is still written

WORDS for --only, --skip, --allow-unknown and waivers, beside rules, roles and services
  nat, turn, ice, call, control, resolver, portal, path, quality, bandwidth, and each check's
  name in the table (nat.ROLE, turn.tls-443, ice.ROLE, call.ROLE; quality.ROLE and
  bandwidth.ROLE.ROW for --allow-unknown and waivers). A word that is a role or a service too,
  as `ice` and `turn` are, names both. Naming a rule tests rules alone.

SECRETS are read from the environment, or from the file that the variable with _FILE names
  RTC_CHECK_TURN_USERNAME, RTC_CHECK_TURN_PASSWORD    a login for every relay
  RTC_CHECK_TURN_SECRET                               in their place, for logins for a time (REST)
  RTC_CHECK_PROXY_USERNAME, RTC_CHECK_PROXY_PASSWORD  for --proxy and the environment's proxies
  RTC_CHECK_JANUS_TOKEN, RTC_CHECK_JANUS_APISECRET    what a Janus Gateway asks for
  RTC_CHECK_RTSP_USERNAME, RTC_CHECK_RTSP_PASSWORD    for --rtsp-path
  RTC_CHECK_UPLOAD_HEADERS                            of --upload: `Authorization: Bearer …`
  RTC_CHECK_RESPONDER_KEY                             of a restricted responder";
