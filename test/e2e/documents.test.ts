import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeProgram } from "../../src/cli/program.ts";
import { run } from "../support/child-process.ts";
import { DocumentFolder, installPackages } from "../support/document-folder.ts";
import {
  type Block,
  escapeOf,
  isPrinted,
  isRunnable,
  readBlocks,
  toolsOf,
} from "../support/document-blocks.ts";
import { repositoryRoot } from "../support/repository.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { reasonToSkip } from "../support/tools.ts";
import { readTree } from "../tidy/source-tree.ts";

/** Blocks that do not run here, by document and first line, and why. */
const notRun: readonly { document: string; firstLine: string; reason: string }[] = [
  {
    document: "README.md",
    firstLine: "npm install",
    reason: "sets up this very checkout; continuous integration begins with it",
  },
  {
    document: "docs/simulation.md",
    firstLine: "npm run simulate -- --seed 36 --seeds 1 --events 100000",
    reason: "needs the checkout; test/simulation runs seeds",
  },
];

/** Their commands need several nodes, or a Kafka: other tests run the like of them. */
const clusterPages = new Map([
  ["docs/cluster.md", "test/e2e/cluster-growth.test.ts"],
  ["docs/mirror.md", "test/e2e/command-mirror.test.ts"],
]);

interface Document {
  readonly path: string;
  readonly blocks: readonly Block[];
}

function documents(): Document[] {
  const texts = readTree().filter(({ path }) => /^(README\.md|docs\/.*\.md)$/.test(path));
  return texts.map(({ path, text }) => ({ path, blocks: readBlocks(text) }));
}

function isRun({ path }: Document, block: Block): boolean {
  const [firstLine] = block.text.split("\n");
  const isExempt = notRun.some((row) => row.document === path && row.firstLine === firstLine);
  return isRunnable(block) && !isExempt && !clusterPages.has(path);
}

const followed = documents().filter((document) =>
  document.blocks.some((block) => isRun(document, block)),
);

describe.each(followed)("$path, from its top", (document) => {
  let folder: DocumentFolder;

  beforeAll(async () => {
    folder = await DocumentFolder.open();
  });

  afterAll(() => folder?.close());

  const blocks = document.blocks.filter((block) => isRun(document, block));
  test.for(blocks)("the $language in line $line runs as it stands", async (block, context) => {
    const reason = reasonToSkip(toolsOf(block));
    if (reason !== undefined) context.skip(reason);
    const { code, stdout, stderr } = await folder.run(block);
    expect(code ?? 0, stderr + stdout).toBe(0);
    if (block.printed === undefined) return;
    expect(isPrinted(stdout, block.printed), `printed:\n${stdout}${stderr}`).toBe(true);
  });
});

test("the programs in TypeScript pass the compiler at its strictest", async () => {
  const folder = makeTemporaryFolder("programs");
  installPackages(folder);
  const compilerOptions = {
    module: "nodenext",
    target: "es2023",
    lib: ["es2024", "esnext.disposable", "dom", "dom.asynciterable"],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ["node"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  const programs = documents().flatMap(({ path, blocks }) =>
    blocks.filter(({ language }) => language === "ts").map((block) => ({ path, ...block })),
  );
  for (const { path, line, text } of programs) {
    writeFileSync(join(folder, `${path.replaceAll(/[/.]/g, "-")}-${line}.mts`), text);
  }
  const compiler = join(repositoryRoot, "node_modules/typescript/bin/tsc");
  const { stdout } = await run(process.execPath, [compiler, "-p", folder], { cwd: folder });
  expect(stdout).toBe("");
  expect(programs.length).toBeGreaterThan(0);
  removeFolder(folder);
});

test("no command hides in a block that is not run", () => {
  const hidden = documents().flatMap(({ path, blocks }) =>
    blocks.map(escapeOf).flatMap((why) => (why === undefined ? [] : [`${path} ${why}`])),
  );
  expect(hidden).toEqual([]);
});

/** Whether a command line has a command, its arguments and options that it has. */
function isUnderstood(line: string): boolean {
  const words = line
    .replace(/^npx xylem /, "")
    .replace(/( > \S+ 2>&1)? &$/, "")
    .trim()
    .split(/ +/);
  let command = makeProgram("");
  while (command.commands.length > 0) {
    const [name] = words.splice(0, 1);
    const next = command.commands.find((one) => one.name() === name);
    if (next === undefined) return false;
    command = next;
  }
  let place = 0;
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (!word.startsWith("-")) {
      place += 1;
      continue;
    }
    const option = command.options.find(({ long, short }) => long === word || short === word);
    if (option === undefined) return false;
    if (option.required) words.shift();
  }
  const needed = command.registeredArguments.filter(({ required }) => required).length;
  return place >= needed && place <= command.registeredArguments.length;
}

test("each block that is said not to run is there", () => {
  const gone = notRun.filter(({ document, firstLine }) => {
    const blocks = documents().find(({ path }) => path === document)?.blocks ?? [];
    return !blocks.some(({ text }) => text.split("\n")[0] === firstLine);
  });
  expect(gone).toEqual([]);
});

test("what a page about several nodes says is understood by the program", () => {
  for (const path of clusterPages.keys()) {
    const blocks = readBlocks(readFileSync(join(repositoryRoot, path), "utf8"));
    const lines = blocks
      .filter(({ language }) => language === "sh")
      .flatMap(({ text }) => text.replaceAll("\\\n", " ").split("\n"))
      .filter((line) => line.startsWith("npx xylem "));
    expect(lines.length, path).toBeGreaterThan(0);
    for (const line of lines) expect(line).toSatisfy(isUnderstood);
  }
  expect(isUnderstood("npx xylem cluster commit --soon")).toBe(false);
  expect(isUnderstood("npx xylem cluster leave 1 2")).toBe(false);
});

test("the README shows a client, a program and the command line", () => {
  const readme = readBlocks(readFileSync(join(repositoryRoot, "README.md"), "utf8"));
  const commands = readme.filter(({ language }) => language === "sh").map(({ text }) => text);
  expect(commands.join("")).toMatch(/kcat[^]*npx xylem produce/);
  expect(readme.map(({ language }) => language)).toContain("ts");
});

test("a text block at once after an example is what it prints", () => {
  const [first, second] = readBlocks("```sh\necho a\n```\n\n```text\na…\n```\nOr\n```sh\nb\n```\n");
  expect(first).toMatchObject({ language: "sh", line: 1, printed: "a…\n" });
  expect(second).toMatchObject({ language: "text", printed: undefined });
  expect(isPrinted("a 12 b\nx\ny\nend\n", "a … b\n…\nend\n")).toBe(true);
  expect(isPrinted("a 12 c\n", "a … b\n")).toBe(false);
  expect(isPrinted("a\nmore\n", "a\n")).toBe(false);
});

test.each([
  ["a command in a block of text", "```text\ncurl http://127.0.0.1:9092/healthz\n```\n"],
  ["a language that nobody runs", "```bash\ntrue\n```\n"],
])("is found: %s", (_what, markdown) => {
  expect(readBlocks(markdown).map(escapeOf)).toEqual([expect.stringContaining("line 1")]);
});
