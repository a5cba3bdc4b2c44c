import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readConfigFile } from "./settings-file.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "xylem-file-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(text: string): Promise<Record<string, string>> {
  const file = join(folder, "xylem.yaml");
  await writeFile(file, text);
  return Object.fromEntries((await readConfigFile(file)).texts);
}

test("names are dotted or nested, lists are joined", async () => {
  const text = "port: 1\nlog:\n  retention.ms: 5\n  flush: { parallel: 2 }\nhttp.hosts: [a, b]\n";
  expect(await read(text)).toEqual({
    port: "1",
    "log.retention.ms": "5",
    "log.flush.parallel": "2",
    "http.hosts": "a,b",
  });
});

test("numbers keep all their digits, words and booleans their text", async () => {
  const text = "log.retention.bytes: 9223372036854775807\nmemory: true\ncluster.id: null\nd: 0.5\n";
  expect(await read(text)).toEqual({
    "log.retention.bytes": "9223372036854775807",
    memory: "true",
    "cluster.id": "",
    d: "0.5",
  });
});

test("an empty file sets nothing", async () => expect(await read("# nothing\n")).toEqual({}));

test.each(["a: [", "just text", "- a"])("%j is refused with the file's name", async (text) => {
  await expect(read(text)).rejects.toThrow("xylem.yaml");
});

test("a named file must be there", async () => {
  await expect(readConfigFile(join(folder, "none.yaml"))).rejects.toThrow("none.yaml");
});
