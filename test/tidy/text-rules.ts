import { isCode, type SourceFile } from "./source-tree.ts";

const linesMax = 400;
const columnsMax = 100;

/** Files that may be longer, each with the reason. */
const longerFiles: Readonly<Record<string, string>> = {};

/** A file of code past its length, or lines past theirs. */
export function tooLong(file: SourceFile): string[] {
  if (!isCode(file)) return [];
  const lines = file.text.replace(/\n$/, "").split("\n");
  const problems = lines.flatMap((line, index) =>
    line.length > columnsMax ? [`${file.path}:${index + 1} has ${line.length} columns`] : [],
  );
  if (lines.length > linesMax && longerFiles[file.path] === undefined) {
    problems.push(`${file.path} has ${lines.length} lines`);
  }
  return problems;
}

interface BannedText {
  readonly pattern: RegExp;
  readonly instead: string;
  /** Files that this does not concern. */
  readonly except?: RegExp;
}

// Written in pieces, so that this file does not break its own rules.
const banned: readonly BannedText[] = [
  { pattern: /\b(TO[D]O|FIX[M]E|X{3})\b(?! ?\(#\d+\))/, instead: "do it, or TO" + "DO (#issue)" },
  { pattern: /\b(test|describe|it|suite)\.o[n]ly\b/, instead: "run all tests" },
  {
    pattern: /(^|["'`\s(=:])\/(work|tmp|root|home)\/\w/,
    instead: "a path that any machine has",
    // A Unix socket's path must be short and the same for all processes, whatever their TMPDIR.
    except: /^src\/storage\/lock-address\.ts$/,
  },
  {
    pattern: /registry\.(npmjs|yarnpkg)|npmmirr[o]r|repo1?\.mav[e]n|proxy\.gol[a]ng|deb\.deb[i]an/,
    instead: "the machine's own setting of the registry",
  },
  { pattern: /\b(clau[d]e|anthro[p]ic|chatg[p]t|copi[l]ot)\b/i, instead: "nothing" },
];

/** Words that have no place in a committed file, with what to do instead. */
export function bannedText(file: SourceFile): string[] {
  const rules = banned.filter((rule) => rule.except?.test(file.path) !== true);
  return file.text
    .split("\n")
    .flatMap((line, index) =>
      rules
        .filter((rule) => rule.pattern.test(line))
        .map((rule) => `${file.path}:${index + 1} ${line.trim()}: instead ${rule.instead}`),
    );
}
