import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "./source-tree.ts";

const samples: readonly { rule: string; path: string; text: string }[] = [
  {
    rule: "typescript(no-floating-promises)",
    path: "src/node/floating.ts",
    text: "declare function flush(): Promise<void>;\nexport function f(): void {\n  flush();\n}\n",
  },
  {
    rule: "typescript(no-misused-promises)",
    path: "src/node/misused.ts",
    text: "declare function ask(): Promise<boolean>;\nexport const sure = ask() ? 1 : 2;\n",
  },
  {
    rule: "typescript(switch-exhaustiveness-check)",
    path: "src/node/arms.ts",
    text: 'export function f(k: "a" | "b"): void {\n  switch (k) {\n    case "a":\n  }\n}\n',
  },
  {
    rule: "typescript(no-explicit-any)",
    path: "src/node/any.ts",
    text: "export function f(x: any): string {\n  return String(x);\n}\n",
  },
  {
    rule: "typescript(consistent-type-imports)",
    path: "src/node/type-import.ts",
    text: 'import { Stats } from "node:fs";\nexport type Facts = Stats;\n',
  },
  {
    rule: "eslint(max-params)",
    path: "src/node/params.ts",
    text: "export const f = (a: 1, b: 1, c: 1, d: 1, e: 1): number => a + b + c + d + e;\n",
  },
  {
    rule: "eslint(complexity)",
    path: "src/node/complex.ts",
    text: `export function f(x: number): void {\n${"  if (x > 1) x++;\n".repeat(15)}}\n`,
  },
  {
    rule: "eslint(max-lines-per-function)",
    path: "src/node/long-function.ts",
    text: `export function f(x: number): number {\n${"  x += 1;\n".repeat(70)}  return x;\n}\n`,
  },
  {
    rule: "eslint(max-lines)",
    path: "src/node/long-file.ts",
    text: Array.from({ length: 401 }, (_, n) => `export const a${n} = ${n};\n`).join(""),
  },
  {
    rule: "eslint(no-console)",
    path: "src/node/console.ts",
    text: 'console.log("hello");\nexport {};\n',
  },
  {
    rule: "eslint(no-restricted-globals)",
    path: "src/log/clock.ts",
    text: "export const nowMs = (): number => Date.now();\n",
  },
  {
    rule: "eslint(no-restricted-globals)",
    path: "src/broker/groups/timer.ts",
    text: "export const wait = (f: () => void): unknown => setTimeout(f, 1);\n",
  },
  {
    rule: "eslint(no-restricted-properties)",
    path: "src/groups/chance.ts",
    text: "export const id = (): number => Math.random();\n",
  },
  {
    rule: "eslint(no-restricted-imports)",
    path: "src/protocol/file.ts",
    text: 'import { readFile } from "node:fs/promises";\nexport const read = readFile;\n',
  },
  {
    rule: "import(no-cycle)",
    path: "src/node/ring.ts",
    text: 'import { b } from "./ring-end.ts";\nexport const a = (): number => b() + 1;\n',
  },
  {
    rule: "vitest(no-focused-tests)",
    path: "src/node/focused.test.ts",
    text: `import { test } from "vitest";\ntest.${"only"}("one", () => {});\n`,
  },
];

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

const outputBytesMax = 64 * 1024 * 1024;

function lint(folder: string, place: string): Diagnostic[] {
  const program = join(root, "node_modules/oxlint/bin/oxlint");
  const args = [program, "--format=json", place];
  const outcome = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: outputBytesMax,
  });
  expect(outcome.stderr).toBe("");
  return (JSON.parse(outcome.stdout) as { diagnostics: Diagnostic[] }).diagnostics;
}

let folder: string;
let found: Diagnostic[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "xylem-lint-"));
  cpSync(join(root, ".oxlintrc.json"), join(folder, ".oxlintrc.json"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const compilerOptions = {
    strict: true,
    module: "nodenext",
    target: "es2023",
    types: ["node"],
    noEmit: true,
    allowImportingTsExtensions: true,
  };
  write("tsconfig.json", JSON.stringify({ compilerOptions, include: ["src"] }));
  write(
    "src/node/ring-end.ts",
    'import { a } from "./ring.ts";\nexport const b = (): number => a();\n',
  );
  write("src/node/fine.ts", "export const a = 1;\n");
  for (const sample of samples) write(sample.path, sample.text);
  found = lint(folder, "src");
});

afterAll(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

test.each(samples)("the linter refuses $path by $rule", ({ rule, path }) => {
  const codes = found.filter((problem) => problem.filename.endsWith(path)).map(({ code }) => code);
  expect(codes).toContain(rule);
});

test("the linter leaves good code alone", () => {
  expect(found.filter((problem) => problem.filename.endsWith("fine.ts"))).toEqual([]);
});

test("the whole tree passes the linter", () => {
  const problems = lint(root, ".").map(({ filename, code }) => `${filename} ${code}`);
  expect(problems).toEqual([]);
});

test("the whole tree is formatted", () => {
  const program = join(root, "node_modules/oxfmt/bin/oxfmt");
  const options = { cwd: root, encoding: "utf8" } as const;
  const outcome = spawnSync(process.execPath, [program, "--list-different", "."], options);
  expect(outcome.stdout).toBe("");
  expect(outcome.status).toBe(0);
});

test("nothing is exported, and no package installed, that nobody uses", () => {
  const program = join(root, "node_modules/knip/bin/knip.js");
  const options = { cwd: root, encoding: "utf8" } as const;
  const outcome = spawnSync(process.execPath, [program, "--no-config-hints"], options);
  expect(outcome.stdout).toBe("");
  expect(outcome.status).toBe(0);
});
