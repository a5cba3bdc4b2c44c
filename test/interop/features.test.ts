import { expect, onTestFinished, test } from "vitest";
import { JavaTools } from "../support/java-tools.ts";
import { describeWith } from "../support/skips.ts";
import { XylemCluster } from "../support/xylem-cluster.ts";

const settings = { "cluster.lease.ms": "10000" };

describeWith(["etcd", "java"], "Kafka's tool for features", () => {
  test("sees the feature level of a cluster, and finalizes what all nodes can", async () => {
    const old = { ...settings, "cluster.feature.level.max": "1" };
    const cluster = await XylemCluster.start(1, old);
    onTestFinished(() => cluster.stop());
    await cluster.restartWith(1, settings);
    const tools = await JavaTools.start();
    onTestFinished(() => tools.close());
    const at = ["--bootstrap-server", cluster.node(1).bootstrap];
    const describe = async (): Promise<string | undefined> => {
      const lines = await tools.output("kafka-features", [...at, "describe"]);
      return lines.split("\n").find((line) => line.includes("xylem.version"));
    };
    expect(await describe()).toMatch(/SupportedMaxVersion: 2.*FinalizedVersionLevel: 1/);
    const upgrade = (level: number) =>
      tools.run("kafka-features", [...at, "upgrade", "--feature", `xylem.version=${level}`]);
    const refused = await upgrade(3);
    expect([refused.code, refused.stdout + refused.stderr]).toEqual([
      1,
      expect.stringContaining("can not work at level 3"),
    ]);
    expect((await upgrade(2)).code).toBe(0);
    expect(await describe()).toMatch(/FinalizedVersionLevel: 2/);
  });
});
