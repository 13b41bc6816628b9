// Opens pages in a headless browser, as people do: light and dark, wide and on a phone, on paper, without scripts. Says what
// is wrong and ends with 1. node html.mjs CHROMIUM DIRECTORY FILE…; SHOTS=DIRECTORY keeps pictures of them.
import { readFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import puppeteer from 'puppeteer-core';

const [chromium, directory, ...files] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const profile = mkdtempSync(join(tmpdir(), 'page-'));
const wrong = [];
const say = (file, how, what) => wrong.push(`${file} (${how}): ${what}`);
const shots = process.env.SHOTS;

const browser = await puppeteer.launch({
  executablePath: chromium, headless: true, userDataDir: profile,
  // They end a hang; a busy machine is none.
  timeout: 120_000, protocolTimeout: 300_000,
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});

// What a page must never do.
const watched = async (file, how) => {
  const page = await browser.newPage();
  const own = pathToFileURL(join(directory, file)).href;
  page.on('request', (r) => { if (r.url() !== own) say(file, how, `requests ${r.url()}`); });
  page.on('console', (m) => say(file, how, `console: ${m.text()}`));
  page.on('pageerror', (e) => say(file, how, `error: ${e}`));
  return { page, open: () => page.goto(own, { waitUntil: 'load' }) };
};

const overflow = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;

const looks = [['light', 1100], ['dark', 1100], ['light', 360], ['dark', 360]];
for (const file of files) {
  for (const [scheme, width] of looks) {
    const how = `${scheme}, ${width} px`;
    const { page, open } = await watched(file, how);
    await page.setViewport({ width, height: 900, isMobile: width < 600, hasTouch: width < 600 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await page.setBypassCSP(true); // for the checker's own script alone
    await open();
    const over = await page.evaluate(overflow);
    if (over > 0) say(file, how, `is ${over} px too wide`);
    if (shots) await page.screenshot({ path: join(shots, `${file}.${scheme}.${width}.png`), fullPage: true });
    // What is behind a fold is part of the page.
    await page.evaluate(() => document.querySelectorAll('details').forEach((d) => { d.open = true; }));
    const opened = await page.evaluate(overflow);
    if (opened > 0) say(file, how, `is ${opened} px too wide with all folds open`);
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
    for (const v of found.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')) {
      say(file, how, `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html + ' ' + (n.any[0]?.message ?? '')).join(' | ')}`);
    }
    await page.close();
  }
  // As it is delivered: its own policy in force, no script.
  const { page, open } = await watched(file, 'without scripts');
  await page.setJavaScriptEnabled(false);
  await open();
  const text = await page.$eval('main', (main) => main.innerText);
  if (!/Verdict/i.test(text)) say(file, 'without scripts', 'shows no verdict');
  await page.emulateMediaType('print');
  const pdf = await page.pdf({ format: 'A4', margin: { top: '15mm', bottom: '15mm', left: '14mm', right: '14mm' },
    ...(shots ? { path: join(shots, `${file}.pdf`) } : {}) });
  if (pdf.length < 2000) say(file, 'on paper', `is ${pdf.length} bytes`);
  const hidden = await page.$$eval('.check > .body', (all) => all.filter((b) => b.getClientRects().length === 0).length);
  if (hidden > 0) say(file, 'on paper', `leaves out the evidence of ${hidden} checks`);
  await page.close();
}
await browser.close();
rmSync(profile, { recursive: true, force: true });
console.log(wrong.join('\n') || `${files.length} pages are well`);
process.exit(wrong.length ? 1 : 0);
