import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { Child } from "../support/child-process.ts";
import { batchOf, RawClient } from "../support/raw-client.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { startNode, xylem } from "../support/xylem-command.ts";

const folder = makeTemporaryFolder("evict");
const running: Child[] = [];

afterEach(async () => {
  for (const child of running.splice(0)) await child.end("SIGKILL");
});

afterAll(() => removeFolder(folder));

async function start(data: string): Promise<RawClient> {
  const { child, bootstrap } = await startNode(["start", "--port=0", "--data", data]);
  running.push(child);
  return await RawClient.open(Number(bootstrap.split(":")[1]));
}

describe("xylem topic evict", () => {
  test("what retention allows goes now, though the next check is minutes away", async () => {
    const data = join(folder, "now");
    const client = await start(data);
    for (const name of ["orders", "others"]) {
      const configs = { "segment.records": "2", "retention.records": "2" };
      await client.createTopic(name, { configs });
      for (let at = 0; at < 6; at += 1) await client.produce([name, 0], batchOf([`value ${at}`]));
    }
    const one = await xylem(["topic", "evict", "orders", "--data", data, "--json"]);
    expect(one.code).toBe(0);
    const report = JSON.parse(one.stdout) as { partitions: unknown[]; freedBytes: number };
    expect(report.partitions).toMatchObject([
      { topic: "orders", partition: 0, logStartBefore: 0, logStart: 4 },
    ]);
    expect(report.freedBytes).toBeGreaterThan(0);
    expect(Number((await client.listOffset(["others", 0], -2)).offset)).toBe(0);
    const all = await xylem(["topic", "evict", "--all", "--data", data]);
    expect(all.stdout).toMatch(/others +0 +0 +4/);
    expect(all.stdout).not.toContain("orders");
    const nothing = await xylem(["topic", "evict", "--all", "--data", data]);
    expect(nothing.stdout).toBe("nothing to remove\n");
    client.close();
  });

  test("a topic that there is not, no node, and no choice are told apart", async () => {
    const data = join(folder, "refused");
    const client = await start(data);
    const absent = await xylem(["topic", "evict", "orders", "--data", data]);
    expect([absent.code, absent.stderr]).toEqual([
      1,
      "xylem: There is no topic orders (UNKNOWN_TOPIC_OR_PARTITION)\n",
    ]);
    expect((await xylem(["topic", "evict", "--data", data])).code).toBe(2);
    expect((await xylem(["topic", "evict", "--all", "--data", folder])).code).toBe(3);
    client.close();
  });
});
