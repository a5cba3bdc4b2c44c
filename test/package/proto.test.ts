import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../support/child-process.ts";
import { repositoryRoot } from "../support/repository.ts";

const cwd = join(repositoryRoot, "proto");
const committed = join(repositoryRoot, "src/servers/grpc/generated");
const buf = join(repositoryRoot, "node_modules/.bin/buf");
const env = { PATH: `${join(repositoryRoot, "node_modules/.bin")}:${process.env["PATH"]}` };

test("the proto files follow buf's rules", async () => {
  const lint = await run(buf, ["lint"], { cwd, env });
  expect([lint.code, lint.stdout]).toEqual([0, ""]);
});

test("the committed TypeScript is what the proto files say", async () => {
  const folder = mkdtempSync(join(tmpdir(), "xylem-proto-"));
  try {
    const base = join(folder, "proto");
    const made = await run(buf, ["generate", "--output", base], { cwd, env });
    expect([made.code, made.stderr]).toEqual([0, ""]);
    expect(sources(join(folder, "src/servers/grpc/generated"))).toEqual(sources(committed));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function sources(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const files = paths.filter((path) => path.endsWith(".ts")).sort();
  return Object.fromEntries(files.map((path) => [path, readFileSync(join(folder, path), "utf8")]));
}
