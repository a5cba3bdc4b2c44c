import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Kafka, logLevel } from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { xylem } from "../support/xylem-command.ts";
import { startXylem } from "../support/xylem-process.ts";

const whole = makeTemporaryFolder("verify");
const damaged = makeTemporaryFolder("verify-damaged");
const folder = join(whole, "checked-0");
const appendCount = 60;

beforeAll(async () => {
  const broker = await startXylem({ dataFolder: whole });
  const kafka = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const configEntries = [
    { name: "segment.bytes", value: "1048576" },
    { name: "index.interval.bytes", value: "1000" },
    { name: "retention.ms", value: "-1" },
  ];
  await admin.createTopics({ topics: [{ topic: "checked", numPartitions: 1, configEntries }] });
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  for (let index = 0; index < appendCount; index += 1) {
    const messages = [{ value: "x".repeat(40_000), timestamp: String(1_000_000 + index) }];
    await producer.send({ topic: "checked", messages });
  }
  const live = await xylem(["verify", "--data", whole]);
  expect([live.code, live.stderr]).toEqual([0, expect.stringContaining("a node uses")]);
  expect(live.stdout).toContain(`${appendCount} batches, ${appendCount} records`);
  const held = await xylem(["verify", "--data", whole, "--repair", "anything"]);
  expect([held.code, held.stderr]).toEqual([4, expect.stringContaining("a node uses")]);
  await producer.disconnect();
  await admin.disconnect();
  expect(await broker.terminate()).toBe(0);
});
afterAll(() => {
  removeFolder(whole);
  removeFolder(damaged);
});

const filesEnding = (ending: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .toSorted();

/** A fresh copy with one bit of one file changed, and what `xylem verify --json` says of it. */
async function verifyFlipped(path: string, position: number, bit = 0) {
  cpSync(whole, damaged, { recursive: true, force: true });
  if (path !== "") {
    const file = join(damaged, path);
    const bytes = readFileSync(file);
    bytes[position] = (bytes[position] as number) ^ (1 << bit);
    writeFileSync(file, bytes);
  }
  const { code, stdout } = await xylem(["verify", "--data", damaged, "--json"]);
  const lines = stdout.trim().split("\n");
  const findings = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const totals = findings.pop();
  return { code, totals, damages: findings.filter(({ kind }) => kind === "damage") };
}

test("a directory that a node left is clean, and nothing in it changes", async () => {
  const { code, totals, damages } = await verifyFlipped("", 0);
  expect([code, damages]).toEqual([0, []]);
  const sizes = filesEnding(".log").map((name) => statSync(join(folder, name)).size);
  expect(sizes.length).toBeGreaterThan(1);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const log = { segments: sizes.length, batches: appendCount, records: appendCount, bytes };
  expect(totals).toMatchObject({ partitions: 1, damaged: 0, ...log });
  const names = (at: string) => readdirSync(at, { recursive: true, encoding: "utf8" }).toSorted();
  expect(names(damaged)).toEqual(names(whole));
});

test.each([
  { field: "base offset", at: 7, lost: { firstLostOffset: 2, lastLostOffset: 2 } },
  { field: "length", at: 11, lost: { firstLostOffset: 2, lastLostOffset: 2 } },
  { field: "leader epoch", at: 15, lost: {} },
  { field: "magic", at: 16, lost: { firstLostOffset: 2, lastLostOffset: 2 } },
  { field: "sum", at: 17, lost: { firstLostOffset: 2, lastLostOffset: 2 } },
  { field: "records", at: 20_000, lost: { firstLostOffset: 2, lastLostOffset: 2 } },
])("a bit that flips in the $field of a batch is told with its place", async ({ at, lost }) => {
  const position = await positionOfThird();
  const name = filesEnding(".log")[0] ?? "";
  const { code, damages } = await verifyFlipped(`checked-0/${name}`, position + at);
  expect(code).toBe(1);
  expect(damages[0]).toMatchObject({
    topic: "checked",
    partition: 0,
    file: name,
    position,
    ...lost,
  });
});

test("a bit that flips in the last batch of the log is damage, not a torn end", async () => {
  const name = filesEnding(".log").at(-1) ?? "";
  const { size } = statSync(join(folder, name));
  const { code, damages } = await verifyFlipped(`checked-0/${name}`, size - 10);
  const last = appendCount - 1;
  expect(code).toBe(1);
  expect(damages).toMatchObject([{ file: name, firstLostOffset: last, lastLostOffset: last }]);
});

test.each([
  { ending: ".index", at: 3 },
  { ending: ".index", at: 7 },
  { ending: ".timeindex", at: 7 },
  { ending: ".timeindex", at: 11 },
  { ending: ".snapshot", at: 12 },
  { ending: "leader-epoch-checkpoint", at: 0 },
  { ending: "leader-epoch-checkpoint", at: 4 },
  { ending: "leader-epoch-checkpoint", at: 6 },
  { ending: "partition.metadata", at: 0 },
])("a bit that flips in a $ending at $at is told, and loses no record", async (flipped) => {
  const name = filesEnding(flipped.ending)[0] ?? "";
  expect(name).not.toBe("");
  const { code, damages } = await verifyFlipped(`checked-0/${name}`, flipped.at);
  expect(code).toBe(1);
  expect(damages[0]).toMatchObject({ topic: "checked", partition: 0, file: name });
  expect(damages[0]).not.toHaveProperty("firstLostOffset");
});

test.each(["recovery-point-offset-checkpoint", "meta.properties"])(
  "an unreadable %s is told",
  async (file) => {
    const { code, damages } = await verifyFlipped(file, 0);
    expect([code, damages[0]]).toMatchObject([1, { file }]);
  },
);

test("people read a line for each damage, and a topic can be picked", async () => {
  const name = filesEnding(".log")[0] ?? "";
  await verifyFlipped(`checked-0/${name}`, 20_000);
  const told = await xylem(["verify", "--data", damaged, "--topic", "checked"]);
  expect(told.code).toBe(1);
  expect(told.stdout).toContain(`DAMAGE checked-0 ${name} position 0 (`);
  expect(told.stdout).toContain("the checksum is wrong; lost offsets 0..0");
  expect((await xylem(["verify", "--data", damaged, "--topic", "other"])).code).toBe(2);
  expect((await xylem(["verify", "--data", join(damaged, "absent")])).code).toBe(2);
});

test("a directory that a killed node left is not damaged", async () => {
  const dataFolder = makeTemporaryFolder("verify-killed");
  const broker = await startXylem({ dataFolder });
  const args = ["-b", broker.bootstrap];
  await xylem(["topic", "create", "cut", ...args]);
  await xylem(["produce", "cut", ...args], { input: "a\nb\nc\n" });
  await broker.kill();
  const verified = await xylem(["verify", "--data", dataFolder]);
  expect([verified.code, verified.stdout]).toEqual([
    0,
    expect.stringMatching(/ 3 records, \d+ bytes, 0 damaged/),
  ]);
  removeFolder(dataFolder);
});

test("a running node tells damage with its place, and the command fails", async () => {
  const dataFolder = makeTemporaryFolder("verify-live");
  const broker = await startXylem({ dataFolder });
  const args = ["-b", broker.bootstrap];
  await xylem(["topic", "create", "rotten", ...args]);
  for (const input of ["first\n", "second\n"])
    await xylem(["produce", "rotten", ...args], { input });
  const name = "00000000000000000000.log";
  const file = join(dataFolder, "rotten-0", name);
  const bytes = readFileSync(file);
  const at = bytes.indexOf("first");
  bytes[at] = (bytes[at] as number) ^ 1;
  writeFileSync(file, bytes);
  const told = await xylem(["verify", "--data", dataFolder, "--topic", "rotten"]);
  expect([told.code, told.stderr]).toEqual([1, expect.stringContaining("is damaged")]);
  expect(told.stdout).toMatch(new RegExp(`^DAMAGE rotten-0 ${name} position 0 .*offsets 0\\.\\.0`));
  expect(told.stdout).toContain("1 batches, 1 records");
  expect(await broker.terminate()).toBe(0);
  removeFolder(dataFolder);
});

/** Where the batch of offset 2 lies. */
async function positionOfThird(): Promise<number> {
  const file = join(folder, filesEnding(".log")[0] ?? "");
  const { stdout } = await xylem(["dump", file, "--json", "-n", "3"]);
  const third = JSON.parse(stdout.trim().split("\n")[2] ?? "") as { position: number };
  return third.position;
}
