import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { Child } from "../support/child-process.ts";
import { batchOf, RawClient } from "../support/raw-client.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { waitUntil } from "../support/wait-until.ts";
import { startNode, xylem } from "../support/xylem-command.ts";

const folder = makeTemporaryFolder("bucket");
const running: Child[] = [];

afterEach(async () => {
  for (const child of running.splice(0)) await child.end("SIGKILL");
});

afterAll(() => removeFolder(folder));

async function start(data: string, ...more: string[]): Promise<[RawClient, Child, string]> {
  const { child, bootstrap } = await startNode(["start", "--port=0", "--data", data, ...more]);
  running.push(child);
  return [await RawClient.open(Number(bootstrap.split(":")[1])), child, bootstrap];
}

async function bucket(data: string, ...args: string[]) {
  return await xylem(["bucket", ...args, "--data", data]);
}

describe("xylem bucket", () => {
  test("a bucket's retention counts for its topics, over a kill and a restart", async () => {
    const data = join(folder, "policy");
    const [first, child] = await start(data);
    const made = await bucket(data, "create", "acme", "-c", "retention.records=3");
    expect([made.code, made.stdout]).toEqual([0, "created acme with 0 topics\n"]);
    await first.createTopic("acme.orders");
    await first.createTopic("orders", { configs: { "retention.records": "4" } });
    expect(await child.end("SIGKILL")).toBe(-1);
    const [client, , bootstrap] = await start(data, "--log.retention.check.interval.ms=100");
    for (const name of ["acme.orders", "orders", "plain"]) {
      if (name === "plain") await client.createTopic(name);
      for (let at = 0; at < 9; at += 1) await client.produce([name, 0], batchOf([`value ${at}`]));
    }
    const startOf = async (topic: string): Promise<number> =>
      Number((await client.listOffset([topic, 0], -2)).offset);
    await waitUntil("both policies have been applied", async () => {
      return (await startOf("acme.orders")) === 6 && (await startOf("orders")) === 5;
    });
    expect(await startOf("plain")).toBe(0);
    const shown = await xylem(["topic", "config", "acme.orders", "-b", bootstrap]);
    expect(shown.stdout).toMatch(/retention\.records +3 +false/);
    client.close();
  });

  test("over the budget each bucket is trimmed; who has little keeps it", async () => {
    const data = join(folder, "budget");
    const [client] = await start(data);
    for (const name of ["a", "b"]) {
      await bucket(data, "create", name, "-c", "bucket.retention.bytes=100000");
    }
    const configs = { "internal.segment.bytes": "9500" };
    for (const name of ["a.loud", "a.quiet", "b.loud", "c.loud"]) {
      await client.createTopic(name, { configs });
      const count = name.endsWith("quiet") ? 2 : 20;
      for (let at = 0; at < count; at += 1) {
        await client.produce([name, 0], batchOf(["x".repeat(9_000)]));
      }
    }
    const listed = await bucket(data, "list", "--json");
    const sizes = (text: string): number[] =>
      (JSON.parse(text) as { sizeBytes: number }[]).map(({ sizeBytes }) => sizeBytes);
    expect(sizes(listed.stdout).every((size) => size > 180_000)).toBe(true);
    expect((await xylem(["topic", "evict", "--bucket", "a", "--data", data])).code).toBe(0);
    const [a = 0, b = 0] = sizes((await bucket(data, "list", "--json")).stdout);
    expect([a <= 100_000, a > 80_000, b > 180_000]).toEqual([true, true, true]);
    expect(Number((await client.listOffset(["a.quiet", 0], -2)).offset)).toBe(0);
    expect((await xylem(["topic", "evict", "--all", "--data", data])).code).toBe(0);
    expect(sizes((await bucket(data, "list", "--json")).stdout)[1]).toBeLessThanOrEqual(100_000);
    expect(Number((await client.listOffset(["c.loud", 0], -2)).offset)).toBe(0);
    client.close();
  });

  test("configs change live and are checked; what there is not is told", async () => {
    const data = join(folder, "config");
    await start(data);
    await bucket(data, "create", "acme");
    const set = await bucket(data, "config", "acme", "--set", "retention.ms=5", "segment.ms=6");
    expect(set.stdout).toContain("retention.ms  5\nsegment.ms    6\n");
    const left = await bucket(data, "config", "acme", "--unset", "retention.ms", "--json");
    expect(JSON.parse(left.stdout)).toMatchObject({ configs: { "segment.ms": "6" } });
    const bad = await bucket(data, "config", "acme", "--set", "retention.ms=soon");
    expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining("retention.ms")]);
    expect((await bucket(data, "config", "none")).stderr).toContain("There is no bucket none");
    expect((await bucket(data, "create", "acme")).stderr).toContain("already exists");
    expect((await bucket(data, "create", "a.b")).code).toBe(1);
    expect((await bucket(folder, "list")).code).toBe(3);
  });
});
