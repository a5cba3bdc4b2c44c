import { posix } from "node:path";
import { isCode, type SourceFile } from "./source-tree.ts";

const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|contract))?\.(ts|cjs|mjs)$/;
const namesWithDots = new Set(["vitest.config.ts"]);
const bannedInPath = /\b(utils?|helpers?|managers?|common|misc|impl|types|constants|shared)\b/;
const bannedInName = /(Manager|Helper|Util|Utils|Impl|Misc)([A-Z]|$)/;
const declaration = /\b(?:class|interface|type|function|const|let|enum)\s+([A-Za-z_$][\w$]*)/g;

// One file for each API, door or command: the folder says what the name is a name of.
const foldersNamedByApi = /^src\/(protocol\/messages|servers\/[^/]+|cli\/commands)(\/|$)/;

/** A file whose path is not kebab-case or says nothing. */
export function badFileName({ path }: SourceFile): string[] {
  if (!/\.(ts|cjs|mjs|js)$/.test(path)) return [];
  const name = posix.basename(path);
  const problems: string[] = [];
  if (!kebabCase.test(name) && !namesWithDots.has(name)) problems.push(`${path}: not kebab-case`);
  const word = bannedInPath.exec(path)?.[0];
  if (word !== undefined) problems.push(`${path}: "${word}" says nothing`);
  return problems;
}

/** Declarations named for a pattern instead of what they are; the samples of this rule are left. */
export function badIdentifiers(file: SourceFile): string[] {
  if (!isCode(file) || file.path === "test/tidy/name-rules.test.ts") return [];
  return [...file.text.matchAll(declaration)]
    .map((match) => match[1] ?? "")
    .filter((name) => bannedInName.test(name))
    .map((name) => `${file.path}: ${name}`);
}

/** Files of the product that share a name, so that neither can be spoken of. */
export function sharedNames(files: readonly SourceFile[]): string[] {
  const byName = new Map<string, string[]>();
  for (const { path } of files) {
    if (foldersNamedByApi.test(posix.dirname(path))) continue;
    const name = posix.basename(path);
    byName.set(name, [...(byName.get(name) ?? []), path]);
  }
  return [...byName]
    .filter(([name, sharing]) => name !== "index.ts" && sharing.length > 1)
    .map(([, sharing]) => sharing.join(" and "));
}
