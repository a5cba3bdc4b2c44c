import { posix } from "node:path";
import type { SourceFile } from "./source-tree.ts";

const link = /\[[^\]]*\]\(([^)\s]+)\)/g;

/** Links inside the checkout that lead nowhere: a missing file, or a heading that is not there. */
export function brokenLinks(file: SourceFile, tree: readonly SourceFile[]): string[] {
  if (!file.path.endsWith(".md")) return [];
  const targets = [...withoutFences(file.text).matchAll(link)].map((match) => match[1] ?? "");
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => !leadsSomewhere(file, target, tree))
    .map((target) => `${file.path}: ${target}`);
}

function leadsSomewhere(from: SourceFile, target: string, tree: readonly SourceFile[]): boolean {
  const [path = "", heading] = target.split("#");
  const place = path === "" ? from.path : posix.join(posix.dirname(from.path), path);
  const folder = `${place.replace(/\/$/, "")}/`;
  if (heading === undefined && tree.some((file) => file.path.startsWith(folder))) return true;
  const found = tree.find((file) => file.path === place);
  if (found === undefined) return false;
  return heading === undefined || headingsOf(found).includes(heading);
}

function headingsOf(file: SourceFile): string[] {
  const lines = withoutFences(file.text).split("\n");
  return lines.filter((line) => line.startsWith("#")).map(anchorOf);
}

function anchorOf(heading: string): string {
  const text = heading.replace(/^#+\s*/, "").toLowerCase();
  return text.replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
}

function withoutFences(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, "");
}

/** The rows of docs/capabilities.md: `| # | doors | test | note |`. */
export interface CapabilityRow {
  readonly number: number;
  readonly test: string;
  readonly note: string;
}

export function parseCapabilities(text: string): CapabilityRow[] {
  return text.split("\n").flatMap((line) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    const number = Number(cells[1]);
    if (!line.startsWith("|") || cells[1] === "" || !Number.isInteger(number)) return [];
    return [{ number, test: cells[3] ?? "", note: cells[4] ?? "" }];
  });
}

/** Rows that promise a test which is not there; a row without a test must say so. */
export function brokenCapabilities(
  rows: readonly CapabilityRow[],
  paths: ReadonlySet<string>,
): string[] {
  return rows.flatMap(({ number, test, note }) => {
    const named = [...test.matchAll(/[\w./-]+\.(?:test|contract)\.ts/g)].map((match) => match[0]);
    const missing = named.filter((path) => !paths.has(path));
    if (missing.length > 0) return [`row ${number} names ${missing.join(", ")}: no such file`];
    const isLater = /later issue/.test(`${test} ${note}`);
    return named.length === 0 && !isLater ? [`row ${number} names no test`] : [];
  });
}
