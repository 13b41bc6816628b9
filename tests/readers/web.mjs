// Drives the responder's page in a headless Chromium. Runs in a network namespace of its own, which it fills:
// node web.mjs BINARY DIRECTORY SCENARIO
// Starts the responder (and a relay), presses the button, waits for the result; tells what it saw as JSON on stdout.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

const [binary, directory, scenario] = process.argv.slice(2);
const HOST = scenario === "ipv6" ? "fd77::2" : "10.77.0.2";
const URL_HOST = HOST.includes(":") ? `[${HOST}]` : HOST;
const SECRET = "a shared secret of this test";
const KEY = "a key that is long enough for a test";
const started = [];

function run(...words) {
  const [program, ...rest] = words;
  const done = spawnSync(program, rest, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${words.join(" ")}: ${done.stderr}`);
}

/** Starts a program and waits until it says `words`. */
function start(words, program, args, env) {
  const child = spawn(program, args, { env: { PATH: process.env.PATH, HOME: "/nonexistent", ...env } });
  started.push(child);
  let said = "";
  return new Promise((done, failed) => {
    const hear = (chunk) => {
      said += chunk;
      if (said.includes(words)) done(() => said);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("error", failed);
    child.on("exit", () => failed(new Error(`${program} ended: ${said}`)));
  });
}

function network() {
  run("ip", "link", "set", "lo", "up");
  run("ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1");
  run("ip", "link", "set", "d1", "up");
  run("ip", "address", "add", "10.77.0.2/24", "dev", "d0");
  run("ip", "address", "add", "10.77.0.3/24", "dev", "d0");
  run("ip", "address", "add", "fd77::2/64", "dev", "d0", "nodad");
  run("ip", "link", "set", "d0", "up");
  run("ip", "route", "add", "default", "dev", "d0");
}

const drop = (rule) => {
  run("nft", "add table inet t");
  run("nft", "add chain inet t o { type filter hook output priority 0; policy accept; }");
  run("nft", `add rule inet t o ${rule}`);
};

async function relay() {
  const [cert, key] = [join(directory, "turn.crt"), join(directory, "turn.key")];
  run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=relay",
    "-addext", "subjectAltName=IP:10.77.0.3", "-keyout", key, "-out", cert);
  const args = ["-n", "--no-cli", "--listening-ip=10.77.0.3", "--relay-ip=10.77.0.3", "--listening-port=3478",
    "--tls-listening-port=5349", `--cert=${cert}`, `--pkey=${key}`, "--no-dtls", "--use-auth-secret", `--static-auth-secret=${SECRET}`, "--realm=test", "--log-file=stdout",
    "--allow-loopback-peers", `--pidfile=${join(directory, "turn.pid")}`, `--userdb=${join(directory, "turn.db")}`];
  // The last that it says when it has begun.
  await start("SQLite DB connection success", "turnserver", args, {});
}

async function responder() {
  const args = ["serve", "--profile", "agent", "--bind", HOST, "--web", "--web-results", join(directory, "results")];
  const env = {};
  if (scenario === "relay") {
    // The best is not the first.
    args.push("--turn", "turns:10.77.0.3,turn:10.77.0.3?transport=tcp,turn:10.77.0.3?transport=udp");
    env.RTC_CHECK_TURN_SECRET = SECRET;
  }
  if (["key", "relay"].includes(scenario)) env.RTC_CHECK_RESPONDER_KEY = KEY;
  return (await start("ready;", binary, args, env))();
}

function link(said) {
  const found = /page for browsers: (https:\S+)/.exec(said);
  if (!found) throw new Error(`no link in: ${said}`);
  return found[1];
}

async function open(browser, url, seen) {
  const page = await browser.newPage();
  page.on("console", (message) => { if (message.type() === "error") seen.console.push(message.text()); });
  page.on("pageerror", (error) => seen.console.push(String(error)));
  page.on("request", (request) => {
    const host = new URL(request.url()).host;
    if (!seen.hosts.includes(host) && host !== "") seen.hosts.push(host);
  });
  page.setDefaultTimeout(120_000);
  await page.setViewport({ width: 1100, height: 900 });
  seen.headers = (await page.goto(url)).headers();
  await page.waitForFunction(() => !document.getElementById("start").disabled || !document.getElementById("trouble").hidden);
  return page;
}

async function accessible(page) {
  const source = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  await page.evaluate(readFileSync(source, "utf8"));
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const bad = found.violations.filter((v) => ["serious", "critical", "moderate"].includes(v.impact));
  return bad.map((v) => `${v.impact} ${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join("; ")}`);
}

async function shots(page, name) {
  await page.setViewport({ width: 1100, height: 900 });
  await page.screenshot({ path: join(directory, `${name}-desktop.png`), fullPage: true });
  // Not as a mobile device: that would load the page again.
  await page.setViewport({ width: 390, height: 844 });
  await page.screenshot({ path: join(directory, `${name}-phone.png`), fullPage: true });
  const wider = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  await page.setViewport({ width: 1100, height: 900 });
  return wider;
}

async function test(page, seen) {
  seen.before = await page.$eval("body", (body) => body.innerText);
  seen.axe = await accessible(page);
  seen.wide = [await shots(page, `${scenario}-before`)];
  await page.click("#start");
  await page.waitForFunction(() => !document.getElementById("result").hidden || !document.getElementById("trouble").hidden, { timeout: 120_000 });
  seen.after = await page.$eval("main", (main) => main.innerText);
  seen.axe.push(...(await accessible(page)));
  seen.wide.push(await shots(page, `${scenario}-after`));
  seen.executable = await page.$$eval("#findings script, #checks script, #findings img", (all) => all.length);
}

async function download(page) {
  const client = await page.createCDPSession();
  await client.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: directory, eventsEnabled: true });
  const done = new Promise((saved) => client.on("Browser.downloadProgress", (e) => { if (e.state === "completed") saved(); }));
  await page.click("#save");
  await done;
  return readdirSync(directory).find((name) => /^rtc-check-.*\.json$/.test(name));
}

function kept() {
  const results = join(directory, "results");
  if (!existsSync(results)) return [];
  return readdirSync(results).map((name) => ({ name, mode: statSync(join(results, name)).mode & 0o777 }));
}

async function main() {
  const seen = { console: [], hosts: [] };
  network();
  if (scenario === "relay") await relay();
  const said = await responder();
  if (scenario === "blocked") drop("udp dport 10000-20099 drop");
  if (scenario === "relay") drop(`ip daddr ${HOST} ip saddr ${HOST} udp dport 10000-20099 drop`);
  if (scenario === "no-socket") drop("tcp dport { 8989, 8089 } reject with tcp reset");
  const browser = await puppeteer.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--ignore-certificate-errors", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
      "--disable-background-networking", "--disable-component-update", "--no-first-run", "--disable-sync"],
    userDataDir: join(directory, "browser"),
    // They end a hang; a busy machine is none.
    timeout: 120_000,
    protocolTimeout: 300_000,
  });
  try {
    seen.link = link(said);
    const page = await open(browser, seen.link, seen);
    await test(page, seen);
    if (!(await page.$eval("#result", (r) => r.hidden))) seen.saved = await download(page);
    seen.kept = kept();
  } finally {
    await browser.close();
  }
  writeFileSync(join(directory, "seen.json"), JSON.stringify(seen, null, 1));
}

main()
  .catch((error) => { console.error(error); process.exitCode = 1; })
  .finally(() => started.forEach((child) => child.kill()));
