import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Outcome, run } from "../support/child-process.ts";
import { garbageBatch } from "../support/log-directory.ts";
import { batchOf, RawClient } from "../support/raw-client.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { type StartedNode, startNode, xylem, xylemProgram } from "../support/xylem-command.ts";

const data = makeTemporaryFolder("records");
let node: StartedNode;

beforeAll(async () => {
  node = await startNode(["--port=0", "--data", data]);
});

afterAll(async () => {
  await node.child.end("SIGTERM");
  removeFolder(data);
});

const at = (...args: string[]): Promise<Outcome> => xylem([...args, "-b", node.bootstrap]);
const produce = (topic: string, input: string, ...args: string[]): Promise<Outcome> =>
  xylem(["produce", topic, "-b", node.bootstrap, ...args], { input });
const linesOf = ({ stdout }: Outcome): string[] => stdout.split("\n").slice(0, -1);

describe("produce and consume", () => {
  test("lines typed in one are seen in the other, in order", async () => {
    const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index} größe`);
    const produced = await produce("lines", `${lines.join("\n")}\n`);
    expect([produced.code, produced.stdout]).toEqual([0, "1000 records to lines\n"]);
    const consumed = await at("consume", "lines");
    expect([consumed.code, linesOf(consumed)]).toEqual([0, lines]);
  });

  test.each(["", "--follow"])("consume %s ends when its reader has gone", async (follow) => {
    const line = "x".repeat(1_000);
    await produce("piped", `${Array.from({ length: 2_000 }, () => line).join("\n")}\n`, "-q");
    const command = `"$0" "$1" consume piped ${follow} -b ${node.bootstrap} | head -n 1`;
    const args = ["-c", command, process.execPath, xylemProgram];
    const piped = await run("sh", args, { timeoutMs: 20_000 });
    expect([piped.code, piped.stdout]).toEqual([0, `${line}\n`]);
  });

  test("a reader that has gone is no failure of a command", async () => {
    const command = `"$0" "$1" consume --help | (exec <&-; sleep 0.3)`;
    const { stderr } = await run("sh", ["-c", command, process.execPath, xylemProgram]);
    expect(stderr).toBe("");
  });

  test("keys and headers are kept, a template shows them", async () => {
    await produce("keyed", "a:1\nb:2\n", "-K", ":", "--header", "source=test", "-q");
    const format = "{offset} {key}={value} {header:source}";
    const consumed = await at("consume", "keyed", "--format", format);
    expect(linesOf(consumed)).toEqual(["0 a=1 test", "1 b=2 test"]);
  });

  test.each(["gzip", "snappy", "lz4", "zstd"])(
    "records compressed by %s come back",
    async (codec) => {
      await produce(`with-${codec}`, "one\ntwo\n", "-z", codec, "-q");
      expect(linesOf(await at("consume", `with-${codec}`))).toEqual(["one", "two"]);
    },
  );

  test("--from and -n choose what is printed", async () => {
    await produce("chosen", "0\n1\n2\n3\n4\n", "-q");
    expect(linesOf(await at("consume", "chosen", "--from", "-2"))).toEqual(["3", "4"]);
    expect(linesOf(await at("consume", "chosen", "--from=3"))).toEqual(["3", "4"]);
    expect(linesOf(await at("consume", "chosen", "-n", "2"))).toEqual(["0", "1"]);
    expect(linesOf(await at("consume", "chosen", "--from=latest"))).toEqual([]);
  });

  test("--from takes a time, --for ends by itself", async () => {
    await produce("tailed", "1\n", "-q");
    const future = ["--from", "@2100-01-01T00:00:00Z"];
    expect(linesOf(await at("consume", "tailed", ...future))).toEqual([]);
    const tail = at("consume", "tailed", "--from", "-1", "--for", "8s");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await produce("tailed", "2\n", "-q");
    expect(await tail).toMatchObject({ code: 0, stdout: "1\n2\n" });
  });

  test("a literal, files and JSON records are appended too", async () => {
    await at("produce", "written", "--value", "literal", "-k", "a", "-q");
    const file = join(data, "bytes");
    writeFileSync(file, Uint8Array.of(0xff, 0x0a, 0x00));
    expect((await at("produce", "written", "--format", "file", file, "--json")).stdout).toBe(
      '{"topic":"written","records":1}\n',
    );
    const printed = await at("consume", "written", "--json");
    await produce("copied", printed.stdout, "--format", "json", "-q");
    const format = ["--format", "{key} {value}"];
    const copied = await at("consume", "copied", ...format);
    expect(copied.stdout).toBe((await at("consume", "written", ...format)).stdout);
    expect(linesOf(printed).map((line) => (JSON.parse(line) as { value: unknown }).value)).toEqual([
      "literal",
      { base64: "/woA" },
    ]);
  });

  test("a filter chooses by key, header and what JSON holds", async () => {
    const lines = 'a:{"total":9}\nb:{"total":9}\na:{"total":10}\n';
    await produce("filtered", lines, "-K", ":", "--header", "source=test", "-q");
    const filter = ["--filter", "key=a", "header.source=test", "json./total=9"];
    expect(linesOf(await at("consume", "filtered", ...filter))).toEqual(['{"total":9}']);
  });

  test("--follow waits for what comes", async () => {
    await produce("followed", "first\n", "-q");
    const following = at("consume", "followed", "--follow", "-n", "2");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await produce("followed", "second\n", "-q");
    expect(linesOf(await following)).toEqual(["first", "second"]);
  });

  test("what can not be read is told where it lies, behind all that is before it", async () => {
    const client = await RawClient.open(Number(node.bootstrap.split(":").at(-1)));
    await client.createTopic("garbage", { partitions: 2 });
    for (const value of ["0", "1", "2"]) await client.produce(["garbage", 1], batchOf([value]));
    await client.produce(["garbage", 1], garbageBatch(4));
    await client.produce(["garbage", 1], batchOf(["7"]));
    await client.produce(["garbage", 0], batchOf(["sound"]));
    client.close();
    const { code, stderr, stdout } = await at("consume", "garbage", "--format", "{offset}:{value}");
    expect(stdout.split("\n").toSorted()).toEqual(["", "0:0", "0:sound", "1:1", "2:2"]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("garbage-1 can not be read at offset 3: incorrect header"),
    ]);
    expect(linesOf(await at("consume", "garbage", "-p", "1", "--from", "7"))).toEqual(["7"]);
    const member = await at("consume", "garbage", "-g", "readers");
    expect([member.code, member.stderr]).toEqual([
      1,
      expect.stringContaining(
        "garbage can not be read on: incorrect header check; without --group",
      ),
    ]);
  });

  test("a group goes on where it ended", async () => {
    await produce("grouped", "1\n2\n3\n", "-q");
    const group = ["consume", "grouped", "--group", "readers"];
    expect(linesOf(await at(...group, "-n", "2"))).toEqual(["1", "2"]);
    expect(linesOf(await at(...group, "-n", "1"))).toEqual(["3"]);
    const described = await at("group", "describe", "readers", "--json");
    expect(JSON.parse(described.stdout)).toMatchObject({
      offsets: [{ topic: "grouped", partition: 0, committed: 3, end: 3, lag: 0 }],
    });
  });

  test("an unknown topic, a wrong option and a dead broker have their exit codes", async () => {
    expect((await at("consume", "nothing")).code).toBe(1);
    expect((await at("consume", "lines", "--from=yesterday")).code).toBe(2);
    const dead = await xylem(["topic", "list", "-b", "127.0.0.1:1"]);
    expect([dead.code, dead.stderr]).toEqual([3, expect.stringContaining("127.0.0.1:1")]);
  });
});

describe("topic", () => {
  test("create, describe, config, truncate and delete", async () => {
    const create = ["topic", "create", "managed", "-p", "2", "-c", "retention.ms=60000"];
    expect((await at(...create)).stdout).toBe("created managed\n");
    expect((await at(...create)).code).toBe(1);
    expect((await at(...create, "--if-not-exists")).code).toBe(0);
    const copies = await at("topic", "create", "copies", "--replicas", "2");
    expect([copies.code, copies.stderr]).toEqual([1, expect.stringMatching(/replica/i)]);
    await produce("managed", "x\ny\nz\n", "-p", "1", "-q");
    const described = JSON.parse((await at("topic", "describe", "managed", "--json")).stdout);
    expect(described).toMatchObject({
      name: "managed",
      partitions: [{ end: 0 }, { end: 3 }],
      configs: [{ name: "retention.ms", value: "60000" }],
    });
    const changed = await at("topic", "config", "managed", "--set", "retention.bytes=9", "--json");
    expect(changed.stdout).toContain('{"name":"retention.bytes","value":"9","isDefault":false}');
    const cut = await at("topic", "truncate", "managed", "-p", "1", "--before", "2");
    expect(cut.stdout).toBe("managed-1 starts at 2\n");
    expect(linesOf(await at("consume", "managed", "-p", "1"))).toEqual(["z"]);
    const kept = await at("topic", "truncate", "managed", "--before", "2020-01-01T00:00Z");
    expect(kept.stdout).toBe("managed-0 starts at 0\nmanaged-1 starts at 2\n");
    const none = await at("topic", "truncate", "managed", "--before", "2100-01-01T00:00Z");
    expect(none.stdout).toContain("managed-1 starts at 3\n");
    expect((await at("topic", "truncate", "managed", "--before", "soon")).code).toBe(2);
    expect((await at("topic", "delete", "managed")).code).toBe(0);
    expect((await at("topic", "describe", "managed")).code).toBe(1);
  });

  test("what a command has done is JSON for programs", async () => {
    const told = async (...args: string[]): Promise<unknown> =>
      JSON.parse((await at(...args, "--json")).stdout);
    const create = ["topic", "create", "told"];
    expect(await told(...create)).toEqual({ topic: "told", isNew: true });
    expect(await told(...create, "--if-not-exists")).toEqual({ topic: "told", isNew: false });
    expect(await told("topic", "truncate", "told")).toEqual([
      { topic: "told", partition: 0, start: 0 },
    ]);
    expect(await told("topic", "delete", "told")).toEqual({ deleted: ["told"] });
    expect(await told("ping")).toMatchObject({ bootstrap: node.bootstrap, brokers: 1 });
  });

  test("the list holds the topics and how much is in each", async () => {
    await produce("counted", "1\n2\n3\n4\n5\n6\n7\n", "-q");
    const listed = JSON.parse((await at("topic", "list", "--json")).stdout);
    expect(listed).toContainEqual({ topic: "counted", partitions: 1, records: 7 });
  });
});

describe("group", () => {
  test("list, reset and delete", async () => {
    await produce("moved", "1\n2\n3\n", "-q");
    await at("consume", "moved", "--group", "mover", "-n", "3");
    expect((await at("group", "list")).stdout).toContain("mover");
    const reset = await at("group", "reset", "mover", "--topic", "moved", "--to", "1");
    expect(reset.stdout).toBe("moved-0 to 1\n");
    expect(linesOf(await at("consume", "moved", "--group", "mover", "-n", "2"))).toEqual([
      "2",
      "3",
    ]);
    expect((await at("group", "delete", "mover")).code).toBe(0);
    expect((await at("group", "describe", "mover")).code).toBe(1);
  });
});

test("ping asks any broker at an address", async () => {
  const ping = await at("ping");
  expect([ping.code, ping.stdout]).toEqual([0, expect.stringContaining("brokers=1")]);
});
