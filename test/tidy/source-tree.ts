import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** A file of the checkout: its path from the root with `/`, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export const root = join(import.meta.dirname, "..", "..");

const foldersLeftOut = new Set([
  ".cache",
  ".git",
  "coverage",
  "data",
  "dist",
  "generated",
  "node_modules",
]);
const textFile = /(\.(ts|cjs|mjs|js|json|md|txt|xml|yaml|yml|java|go|py|sh)|\/run|LICENSE)$/;

/** Every text file that belongs to the project, by path. */
export function readTree(folder = root): SourceFile[] {
  return pathsUnder(folder)
    .map((place) => relative(folder, place).split(sep).join("/"))
    .filter((path) => textFile.test(`/${path}`))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(folder, path), "utf8") }));
}

function pathsUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const place = join(folder, entry.name);
    if (entry.isFile()) return [place];
    if (!entry.isDirectory() || foldersLeftOut.has(entry.name)) return [];
    return pathsUnder(place);
  });
}

/** Code written by hand: what rules about code look at. */
export function isCode(file: SourceFile): boolean {
  return /\.(ts|cjs|mjs|js)$/.test(file.path);
}

export function isTest(file: SourceFile): boolean {
  return file.path.endsWith(".test.ts");
}

/** The product itself, without the tests that lie beside it. */
export function isProduct(file: SourceFile): boolean {
  return file.path.startsWith("src/") && file.path.endsWith(".ts") && !isTest(file);
}
