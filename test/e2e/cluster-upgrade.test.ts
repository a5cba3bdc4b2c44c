import { afterAll, beforeAll, expect, test } from "vitest";
import { ClusterLoad } from "../support/cluster-load.ts";
import { describeWith } from "../support/skips.ts";
import { waitUntil } from "../support/wait-until.ts";
import { XylemCluster } from "../support/xylem-cluster.ts";
import { xylem } from "../support/xylem-command.ts";

const topic = "orders";
/** As a node of the version before. */
const old = { "cluster.feature.level.max": "1", "cluster.lease.ms": "10000" };
const now = { "cluster.lease.ms": "10000" };

describeWith(["etcd"], "a cluster under load", () => {
  let cluster: XylemCluster;
  let load: ClusterLoad;

  const upgrade = async (id: number, settings: Record<string, string>): Promise<void> => {
    await cluster.restartWith(id, settings);
    await cluster.whenWhole(topic, 3, [id]);
    await load.goOn(20);
  };
  const finalize = (...more: string[]) =>
    xylem(["cluster", "finalize", "--data", cluster.node(1).dataFolder, ...more]);

  beforeAll(async () => {
    cluster = await XylemCluster.start(3, old);
    load = await ClusterLoad.start(cluster, topic);
  });

  afterAll(async () => {
    await load.stop();
    await cluster.stop();
  });

  test("is upgraded node by node, and back, without an error at its clients", async () => {
    await upgrade(1, now);
    await upgrade(2, now);
    const early = await finalize("--level", "2");
    expect([early.code, early.stderr]).toEqual([
      1,
      expect.stringContaining("can not work at level 2: 3 ("),
    ]);
    await upgrade(2, old);
    await upgrade(2, now);
    await upgrade(3, now);
    expect(load.failures).toEqual([]);
  });

  test("uses what is new once a person says so; a node that is too old stays away", async () => {
    const dry = await finalize("--dry-run");
    expect(dry.stdout).toBe("feature level 1 would become 2\n");
    expect((await finalize()).stdout).toBe("feature level 1 became 2\n");
    expect((await finalize()).stdout).toBe("the feature level is 2 already\n");
    const refused = await cluster.restartWith(3, old).catch((error: Error) => error.message);
    expect(refused).toContain("the cluster's feature level is 2, this node (version ");
    await upgrade(3, now);
    await load.goOn(20);
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(await load.readAll()).toEqual(load.acknowledged);
    await waitUntil("the logs are equal", () => {
      const [one, ...more] = cluster.ids.map((id) => cluster.logBytes(id, topic, 0));
      return more.every((bytes) => one?.equals(bytes));
    });
  });
});
