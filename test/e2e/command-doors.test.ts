import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readDoors, writeDoors } from "../../src/cli/doors/door.ts";
import { Child, type Outcome } from "../support/child-process.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { type StartedNode, startNode, xylem, xylemProgram } from "../support/xylem-command.ts";
import { startXylem } from "../support/xylem-process.ts";

const data = makeTemporaryFolder("doors");
let node: StartedNode;

beforeAll(async () => {
  node = await startNode(["--port=0", "--data", data]);
  for (const door of writeDoors) {
    await at("topic", "create", `by-${door}`, "-p", "2");
    const input = 'a:plain\nb:{"total": 1.0,  "list":[ ]}\nc:größe\n';
    const headers = ["--header", "source=test", "note=größe"];
    const produce = ["produce", `by-${door}`, "-b", node.bootstrap, "-K", ":", ...headers];
    const produced = await xylem([...produce, "--door", door], { input });
    expect([produced.code, produced.stdout]).toEqual([0, `3 records to by-${door}\n`]);
  }
});

afterAll(async () => {
  await node.child.end("SIGTERM");
  removeFolder(data);
});

const at = (...args: string[]): Promise<Outcome> => xylem([...args, "-b", node.bootstrap]);
const linesOf = ({ stdout }: Outcome): string[] => stdout.split("\n").slice(0, -1);
const format = ["--format", "{key} {value} {headers}"];

test.each(writeDoors.filter((door) => door !== "kafka"))(
  "produce over %s waits for as many replicas as it is told, or is refused",
  async (door) => {
    const produce = ["produce", "replicas", "--door", door, "--value", "a", "--min-replicas"];
    expect((await at(...produce, "1")).code).toBe(0);
    const refused = await at(...produce, "2");
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("1 replica")]);
  },
);

test("produce over Kafka's protocol can not be told for how many replicas to wait", async () => {
  const told = await at("produce", "replicas", "--value", "a", "--min-replicas", "2");
  expect([told.code, told.stderr]).toEqual([2, expect.stringContaining("--door")]);
});

describe.each(readDoors)("consume over %s", (door) => {
  const consume = (topic: string, ...args: string[]): Promise<Outcome> =>
    at("consume", topic, "--door", door, ...args);

  test.each(writeDoors)("reads what was produced over %s, byte for byte", async (writer) => {
    const lines = linesOf(await consume(`by-${writer}`, ...format, "-n", "3"));
    expect(lines.toSorted()).toEqual([
      "a plain source=test,note=größe",
      'b {"total": 1.0,  "list":[ ]} source=test,note=größe',
      "c größe source=test,note=größe",
    ]);
  });

  test("filters are applied", async () => {
    const filter = ["--filter", "key=b", "header.source=test", "json./total=1"];
    const found = await consume("by-kafka", ...filter, "--format", "{key}", "-n", "1");
    expect(linesOf(found)).toEqual(["b"]);
  });

  test("--follow waits for what comes", async () => {
    const topic = `followed-over-${door}`;
    await at("produce", topic, "--value", "1", "-q");
    const args = ["consume", topic, "--door", door, "-b", node.bootstrap, "--from", "-1"];
    const child = new Child(process.execPath, [xylemProgram, ...args, "-f", "-n", "2"]);
    await child.waitForOutput(/^1$/m, 60_000);
    await at("produce", topic, "--value", "2", "-q");
    expect(await child.outcome(60_000)).toMatchObject({ code: 0, stdout: "1\n2\n", stderr: "" });
  });

  test("an unknown topic and a dead broker have their exit codes", async () => {
    const unknown = await consume("nothing", "-n", "1");
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining("nothing")]);
    const dead = ["consume", "t", "--door", door, "-n", "1", "-b", "127.0.0.1:1"];
    expect((await xylem(dead)).code).toBe(3);
  });
});

describe.each(writeDoors.filter((door) => door !== "kafka"))("bench over %s", (door) => {
  test("tells rates without errors and leaves nothing behind", async () => {
    const { code, stdout } = await at("bench", "--door", door, "-d", "1s", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ door, errorCount: 0 });
    expect((await at("topic", "list")).stdout).not.toContain("xylem-bench");
  });
});

test.each(["kafka", "http", "grpc"])(
  "positions outside the log are its edges over %s",
  async (door) => {
    const topic = `cut-${door}`;
    const input = "1\n2\n3\n";
    await xylem(["produce", topic, "-q", "-b", node.bootstrap], { input });
    await at("topic", "truncate", topic, "--before", "1");
    const from = async (position: string): Promise<string[]> =>
      linesOf(await at("consume", topic, "--door", door, "--from", position));
    expect(await from("0")).toEqual(["2", "3"]);
    expect(await from("2")).toEqual(["3"]);
    expect(await from("99")).toEqual([]);
    expect(await from("-1")).toEqual(["3"]);
    expect(await from("@2020-01-01T00:00:00Z")).toEqual(["2", "3"]);
  },
);

test("a group over HTTP goes on where it ended, and Kafka's tools see it", async () => {
  await xylem(["produce", "grouped", "-q", "-b", node.bootstrap], { input: "1\n2\n3\n" });
  const consume = ["consume", "grouped", "--group", "readers", "--door", "http"];
  expect(linesOf(await at(...consume, "-n", "2"))).toEqual(["1", "2"]);
  expect(linesOf(await at(...consume))).toEqual(["3"]);
  const reset = await at("group", "reset", "readers", "--topic", "grouped", "--to=-1", "--json");
  expect(JSON.parse(reset.stdout)).toEqual([{ topic: "grouped", partition: 0, offset: 2 }]);
  expect(linesOf(await at(...consume, "-n", "1"))).toEqual(["3"]);
});

test.each(["sse", "ws"])("who follows over %s goes on after a restart", async (door) => {
  const broker = await startXylem();
  const place = ["-b", broker.bootstrap];
  await xylem(["produce", "t", "--value", "before", "-q", ...place]);
  const args = ["consume", "t", "--from", "earliest", "--door", door, "-n", "2", ...place];
  const child = new Child(process.execPath, [xylemProgram, ...args]);
  await child.waitForOutput(/^before$/m, 20_000);
  await broker.kill();
  await broker.restart();
  await xylem(["produce", "t", "--value", "after", "-q", ...place]);
  const { code, stdout } = await child.outcome(30_000);
  expect([code, stdout]).toEqual([0, "before\nafter\n"]);
  await broker.stop();
});

test("the newest record of a key is printed, patched and printed again", async () => {
  await at("produce", "carts", "--value", '{"total":1}', "-k", "alice", "-q");
  await at("produce", "carts", "--value", '{"total":5}', "-k", "bob", "-q");
  const patch = '[{"op":"replace","path":"/total","value":9}]';
  const patched = await at("patch", "carts", patch, "--key", "alice");
  expect([patched.code, patched.stdout]).toEqual([0, '{"total":9}\n']);
  expect((await at("latest", "carts", "--key", "alice")).stdout).toBe('{"total":9}\n');
  const shown = JSON.parse((await at("latest", "carts", "--key", "alice", "--json")).stdout);
  expect(shown).toMatchObject({ topic: "carts", partition: 0, offset: 2, value: '{"total":9}' });
  const none = await at("latest", "carts", "--key", "carol");
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("no record of this key")]);
});

test("what a door does not do is refused with exit code 2", async () => {
  expect((await at("consume", "by-http", "--door", "sse")).code).toBe(2);
  expect((await at("consume", "by-http", "--door", "ws")).code).toBe(2);
  expect((await at("produce", "by-http", "--door", "sse", "--value", "x")).code).toBe(2);
  expect((await at("consume", "by-http", "--door", "grpc", "--group", "g")).code).toBe(2);
});
