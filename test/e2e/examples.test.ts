import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  escapeOf,
  isPrinted,
  isRunnable,
  readBlocks,
  toolsOf,
} from "../support/document-blocks.ts";
import { DocumentFolder } from "../support/document-folder.ts";
import { repositoryRoot } from "../support/repository.ts";
import { reasonToSkip } from "../support/tools.ts";

const examples = join(repositoryRoot, "examples");
const names = readdirSync(examples, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const index = readFileSync(join(examples, "README.md"), "utf8");

/** Jest is no dependency of ours: its own form is shown in test-hooks.test.ts. */
const notRun = "cd jest && ";

describe.each(names)("the example %s", (name) => {
  let folder: DocumentFolder;
  const source = join(examples, name);
  const blocks = readBlocks(readFileSync(join(source, "README.md"), "utf8"));
  const run = blocks.filter((block) => isRunnable(block) && !block.text.startsWith(notRun));

  beforeAll(async () => {
    folder = await DocumentFolder.open(source);
  });

  afterAll(() => folder?.close());

  test("is named in the list of examples, and says what to run", () => {
    expect(index).toContain(`[${name}](${name})`);
    expect(run.length).toBeGreaterThan(0);
    expect(blocks.map(escapeOf).filter((reason) => reason !== undefined)).toEqual([]);
  });

  test.for(run)("runs as its README says in line $line", async (block, context) => {
    const reason = reasonToSkip(toolsOf(block));
    if (reason !== undefined) context.skip(reason);
    const { code, stdout, stderr } = await folder.run(block);
    expect(code ?? 0, stdout + stderr).toBe(0);
    if (block.printed === undefined) return;
    expect(isPrinted(stdout, block.printed), stdout + stderr).toBe(true);
  });
});
