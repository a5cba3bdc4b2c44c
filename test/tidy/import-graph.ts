import { posix } from "node:path";
import type { SourceFile } from "./source-tree.ts";

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path from the root for a relative import, else undefined. */
  readonly target: string | undefined;
  /** `import type`: gone when the program runs. */
  readonly typeOnly: boolean;
}

const statement = /^[ \t]*(?:import|export)\s+(type\s)?[^;"'`()]*?\bfrom\s*["']([^"']+)["']/gm;
const sideEffect = /^[ \t]*import\s*["']([^"']+)["']/gm;
const dynamic = /\bimport\(\s*["']([^"']+)["']\s*\)/g;

/** What a file imports: statements, re-exports, side effects and `import("…")`. */
export function importsOf(file: SourceFile): Import[] {
  const found = (specifier = "", typeOnly = false): Import => ({
    specifier,
    target: specifier.startsWith(".") ? posix.join(posix.dirname(file.path), specifier) : undefined,
    typeOnly,
  });
  return [
    ...[...file.text.matchAll(statement)].map((match) => found(match[2], match[1] !== undefined)),
    ...[...file.text.matchAll(sideEffect)].map((match) => found(match[1])),
    ...[...file.text.matchAll(dynamic)].map((match) => found(match[1])),
  ];
}

/** Groups of files that import each other in a ring when they are loaded. */
export function findCycles(files: readonly SourceFile[]): string[] {
  const targets = new Map(files.map((file) => [file.path, valueTargets(file)]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) cycles.push([...trail.slice(seenAt), path].join(" -> "));
    if (seenAt >= 0 || done.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const file of files) visit(file.path, []);
  return cycles;
}

function valueTargets(file: SourceFile): string[] {
  return importsOf(file).flatMap(({ target, typeOnly }) => (target && !typeOnly ? [target] : []));
}

/** Files that no entry point reaches by any import. */
export function findOrphans(files: readonly SourceFile[], entries: readonly string[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const waiting = [...entries];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const file = byPath.get(path);
    if (file === undefined || reached.has(path)) continue;
    reached.add(path);
    waiting.push(...importsOf(file).flatMap(({ target }) => target ?? []));
  }
  return files.filter((file) => !reached.has(file.path)).map((file) => file.path);
}
