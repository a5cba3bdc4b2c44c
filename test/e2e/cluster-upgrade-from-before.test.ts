import { expect, onTestFinished, test } from "vitest";
import { ClusterLoad } from "../support/cluster-load.ts";
import { buildEarlier } from "../support/earlier-build.ts";
import { earlierCommit } from "../support/earlier-commit.ts";
import { describeWith } from "../support/skips.ts";
import { XylemCluster } from "../support/xylem-cluster.ts";
import type { XylemBuild } from "../support/xylem-process.ts";

const topic = "orders";
const settings = { "cluster.lease.ms": "10000" };

describeWith(["etcd", "history"], "a cluster of the version before, under load", () => {
  test("is upgraded node by node, and back, and again, without a loss or an error", async () => {
    const before: XylemBuild = { product: "xylem-before", root: await buildEarlier(earlierCommit) };
    const cluster = await XylemCluster.start(3, settings, undefined, before);
    onTestFinished(() => cluster.stop());
    const load = await ClusterLoad.start(cluster, topic);
    onTestFinished(() => load.stop());
    const steps = [[1], [2], [2, before], [1, before], [3], [2], [1]] as const;
    for (const [id, build] of steps) {
      await cluster.restartWith(id, settings, build);
      await cluster.whenWhole(topic, 3, [id]);
      await load.goOn(50);
    }
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(await load.readAll()).toEqual(load.acknowledged);
  });
});
