/**
 * Writes what is generated from the settings' schemas: the tables in README.md between its markers, and
 * `.env.example`. usage: bun scripts/generate-docs.ts [--check]
 */
import { join } from "node:path";
import { envExample, readmeWithTables } from "./docs/settings-docs.ts";

const root = join(import.meta.dir, "..");
const readmePath = join(root, "README.md");
const envPath = join(root, ".env.example");

const files = [
  { path: readmePath, wanted: readmeWithTables(await Bun.file(readmePath).text()) },
  { path: envPath, wanted: envExample() },
];
const stale: string[] = [];
for (const { path, wanted } of files) {
  const file = Bun.file(path);
  if ((await file.exists()) && (await file.text()) === wanted) continue;
  stale.push(path);
  if (!process.argv.includes("--check")) await Bun.write(path, wanted);
}
for (const path of stale)
  console.log(process.argv.includes("--check") ? `stale: ${path}` : `written: ${path}`);
process.exit(process.argv.includes("--check") && stale.length > 0 ? 1 : 0);
