import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { xylem } from "../support/xylem-command.ts";

const data = makeTemporaryFolder("dump");
const folder = join(data, "dumped-0");
const appendCount = 40;

beforeAll(async () => {
  await using broker = await Xylem.start({ data });
  const configs = { "segment.bytes": 1_048_576, "index.interval.bytes": 1_000 };
  const topic = await broker.topic("dumped", { partitions: 1, configs });
  for (let index = 0; index < appendCount; index += 1) {
    await topic.append({ key: `k${index}`, value: "x".repeat(40_000), headers: { a: "b" } });
  }
});
afterAll(() => removeFolder(data));

const filesEnding = (ending: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .toSorted()
    .map((name) => join(folder, name));

test("it shows batches and records of every segment", async () => {
  const segments = filesEnding(".log");
  expect(segments.length).toBeGreaterThan(1);
  const args = ["dump", ...segments, "--deep", "--format", "{offset} {key} {header:a}"];
  const dumped = await xylem(args);
  expect(dumped.code).toBe(0);
  const records = dumped.stdout.split("\n").filter((line) => / k\d+ b$/.test(line));
  expect(records).toHaveLength(appendCount);
  expect(records[0]).toBe("0 k0 b");
  const json = await xylem(["dump", segments[0] ?? "", "--json", "-n", "1"]);
  expect(JSON.parse(json.stdout)).toMatchObject({ baseOffset: 0, recordCount: 1, codec: "none" });
});

test("its indexes are sound, one that lies is found", async () => {
  const indexes = [...filesEnding(".index"), ...filesEnding(".timeindex")];
  const sound = await xylem(["dump", ...indexes]);
  expect([sound.code, sound.stdout]).toEqual([
    0,
    expect.stringMatching(/[1-9]\d* entries, 0 faults/),
  ]);
  const [index = ""] = indexes;
  const bytes = readFileSync(index);
  bytes.writeInt32BE(bytes.readInt32BE(4) + 1, 4);
  writeFileSync(index, bytes);
  const lying = await xylem(["dump", index]);
  expect([lying.code, lying.stdout]).toEqual([1, expect.stringContaining("no batch lies at")]);
});

test("a file that is not there, or can not be read, is told in one line", async () => {
  const [segment = ""] = filesEnding(".log");
  for (const missing of [join(folder, "none.log"), join(folder, "none.index")]) {
    const { code, stdout, stderr } = await xylem(["dump", segment, missing]);
    expect([code, stdout, stderr]).toEqual([2, "", `xylem: there is no file ${missing}\n`]);
  }
  const directory = join(data, "directory.log");
  mkdirSync(directory);
  const { code, stderr } = await xylem(["dump", directory]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^xylem: \S+directory\.log can not be read: .+\n$/);
});

test("a damaged batch and a cut-off one are faults", async () => {
  const [segment = ""] = filesEnding(".log");
  const bytes = readFileSync(segment);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  writeFileSync(segment, bytes.subarray(0, -3));
  const dumped = await xylem(["dump", segment]);
  expect(dumped.code).toBe(1);
  expect(dumped.stdout).toContain("CRC");
  expect(dumped.stdout).toContain("is cut off");
  expect((await xylem(["dump", join(folder, "partition.metadata")])).code).toBe(1);
});
