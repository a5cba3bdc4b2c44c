import { expect, onTestFinished, test } from "vitest";
import { run } from "../support/child-process.ts";
import { ClusterLoad } from "../support/cluster-load.ts";
import { buildEarlier } from "../support/earlier-build.ts";
import { isLongRun, repositoryRoot } from "../support/repository.ts";
import { describeWith } from "../support/skips.ts";
import { XylemCluster } from "../support/xylem-cluster.ts";
import type { XylemBuild } from "../support/xylem-process.ts";

/** The last commit that knows no feature levels. */
const commit = process.env["XYLEM_TEST_BEFORE"] ?? "d1c3b8f";
const topic = "orders";
const settings = { "cluster.lease.ms": "10000" };

const { code } = await run("git", ["cat-file", "-e", commit], { cwd: repositoryRoot });
const isThere = code === 0;

describeWith(["etcd"], "a cluster of the version before, under load", () => {
  test("is upgraded node by node, and back, and again, without a loss or an error", async () => {
    if (!isLongRun || !isThere) return;
    const before: XylemBuild = { product: "xylem-before", root: await buildEarlier(commit) };
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
