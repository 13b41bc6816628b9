// Reads TAP with tap-parser, strictly, and prints the plan, the test points and what was no TAP, as JSON a line a file.
import { readFileSync } from 'node:fs';
import { Parser } from 'tap-parser';

for (const path of process.argv.slice(2)) {
  const found = { version: null, plan: null, points: [], extra: [], ok: null };
  const parser = new Parser({ strict: true }, (results) => {
    found.ok = results.ok;
    found.failures = results.failures.filter((each) => each.tapError).map((each) => String(each.tapError));
  });
  parser.on('version', (version) => (found.version = version));
  parser.on('plan', (plan) => (found.plan = plan.end));
  parser.on('extra', (line) => found.extra.push(line));
  parser.on('assert', ({ ok, id, name, skip, todo, diag }) => found.points.push({ ok, id, name, skip, todo, diag }));
  parser.end(readFileSync(path, 'utf8'));
  console.log(JSON.stringify(found));
}
