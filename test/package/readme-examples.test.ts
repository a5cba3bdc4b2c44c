import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BrokerProcess } from "../support/broker-process.ts";
import { run } from "../support/child-process.ts";
import { repositoryRoot } from "../support/repository.ts";
import { reasonToSkip, type Tool } from "../support/tools.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { startXylem } from "../support/xylem-process.ts";
import { readExamples, type Example } from "./readme-examples.ts";

const documentBroker = "127.0.0.1:9092";
const examples = readExamples(readFileSync(join(repositoryRoot, "README.md"), "utf8"));

let broker: BrokerProcess;
let folder: string;

beforeAll(async () => {
  broker = await startXylem();
  folder = makeTemporaryFolder("readme");
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  symlinkSync(repositoryRoot, join(folder, "node_modules/xylem"));
  // The README speaks of port 9092, which this machine may need for something else.
  const launcher = join(repositoryRoot, "bin/xylem.cjs");
  const command = join(folder, "node_modules/.bin/xylem");
  const line = `exec "${process.execPath}" "${launcher}" "$@" --bootstrap ${broker.bootstrap}\n`;
  writeFileSync(command, `#!/bin/sh\n${line}`);
  chmodSync(command, 0o755);
});

afterAll(async () => {
  await broker?.stop();
  removeFolder(folder);
});

async function runExample({ language, text }: Example): Promise<string> {
  const literal = text.replaceAll(documentBroker, broker.bootstrap);
  const name = language === "ts" ? "example.mts" : "example.sh";
  writeFileSync(join(folder, name), literal);
  const program = language === "ts" ? process.execPath : "bash";
  const args = language === "ts" ? [name] : ["-eu", "-o", "pipefail", name];
  const bin = join(folder, "node_modules/.bin");
  const env = { PATH: [bin, process.env["PATH"]].join(delimiter) };
  const outcome = await run(program, args, { cwd: folder, env });
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  return outcome.stdout;
}

test("the README has examples for a client, a program and the command line", () => {
  const languages = examples.map((example) => example.language);
  expect(languages.filter((language) => language === "sh").length).toBeGreaterThanOrEqual(3);
  expect(languages).toContain("ts");
});

/** The same line, whatever the address: what each example must print, in its order. */
const printed = [/^hello$/m, /^\d+ hello$/m, /connect to 127\.0\.0\.1:\d+$/m, /^1\n2$/m];

test.for(examples.map((example, index) => ({ ...example, index })))(
  "the README's example in line $line runs as it stands",
  async (example, context) => {
    const reason = reasonToSkip(example.needs === undefined ? [] : [example.needs as Tool]);
    if (reason !== undefined) context.skip(reason);
    const output = await runExample(example);
    expect(output).toMatch(printed[example.index] ?? /./);
  },
);

test("only examples that are marked are run", () => {
  const text = "```sh\nrm x\n```\n\n```sh run needs=kcat\nkcat\n```\n\n```ts run\nf();\n```\n";
  expect(readExamples(text)).toEqual([
    { language: "sh", needs: "kcat", line: 5, text: "kcat\n" },
    { language: "ts", needs: undefined, line: 9, text: "f();\n" },
  ]);
});
