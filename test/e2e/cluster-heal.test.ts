import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ClusterLoad } from "../support/cluster-load.ts";
import { describeWith } from "../support/skips.ts";
import { waitUntil } from "../support/wait-until.ts";
import { XylemCluster } from "../support/xylem-cluster.ts";
import { xylem } from "../support/xylem-command.ts";

const topic = "orders";

describeWith(["etcd"], "a replica of three whose disk rots", () => {
  let cluster: XylemCluster;
  let load: ClusterLoad;

  const verify = (id: number) =>
    xylem(["verify", "--topic", topic, "--data", cluster.node(id).dataFolder]);

  /** In a batch in the middle of a closed segment. */
  function flipByte(id: number): void {
    const folder = join(cluster.node(id).dataFolder, `${topic}-0`);
    const [, second = ""] = readdirSync(folder)
      .filter((name) => name.endsWith(".log"))
      .sort();
    const path = join(folder, second);
    const bytes = readFileSync(path);
    const at = Math.floor(bytes.length / 2);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  }

  beforeAll(async () => {
    cluster = await XylemCluster.start(3, { "cluster.lease.ms": "10000" });
    load = await ClusterLoad.start(cluster, topic, { "segment.records": "50" });
    await load.goOn(200);
  });

  afterAll(async () => {
    await load.stop();
    await cluster.stop();
  });

  test("leaves, is filled again by the others and is back; every node verifies clean", async () => {
    const [{ chain } = { chain: [] }] = await cluster.partitions(1, topic);
    const rotten = chain[0] ?? 0;
    flipByte(rotten);
    const found = await verify(rotten);
    expect([found.code, found.stdout]).toEqual([1, expect.stringContaining(`${topic}-0`)]);
    const node = cluster.node(rotten);
    await waitUntil("it is whole", () => node.output.includes("is whole again"), 30_000);
    await cluster.whenWhole(topic, 3);
    await load.goOn(50);
    await load.stop();
    expect(load.failures).toEqual([]);
    await waitUntil("the logs are equal", () => {
      const [one, ...more] = cluster.ids.map((id) => cluster.logBytes(id, topic, 0));
      return more.every((bytes) => one?.equals(bytes));
    });
    for (const id of cluster.ids) {
      const { code, stdout } = await verify(id);
      expect([id, code, stdout]).toEqual([id, 0, expect.stringContaining(" 0 damaged")]);
    }
    expect(await load.readAll()).toEqual(load.acknowledged);
  });
});
