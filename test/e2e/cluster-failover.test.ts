import { afterAll, beforeAll, expect, test } from "vitest";
import { ClusterLoad } from "../support/cluster-load.ts";
import { type HeadDeath, HeadDeaths } from "../support/head-deaths.ts";
import { describeWith } from "../support/skips.ts";
import { waitUntil } from "../support/wait-until.ts";
import { XylemCluster } from "../support/xylem-cluster.ts";

const topic = "orders";
const deaths = 5;
/** The lease, and what etcd may take to end it, and two seconds: of nodes that do not hang up. */
const pausedMsMax = 6_000;

describeWith(["etcd"], "a topic with three replicas on three nodes", () => {
  let cluster: XylemCluster;
  let load: ClusterLoad;
  let heads: HeadDeaths;

  beforeAll(async () => {
    cluster = await XylemCluster.start(3);
    load = await ClusterLoad.start(cluster, topic);
    heads = new HeadDeaths(cluster, topic, load);
  });

  afterAll(async () => {
    await load?.stop();
    await cluster.stop();
  });

  test("has a new head soon after the head's death, be it the controller, five times", async () => {
    const seen: HeadDeath[] = [];
    for (let death = 0; death < deaths; death += 1) {
      const dead = await heads.kill();
      seen.push(dead);
      expect(dead.newHead).not.toBe(dead.head);
      await cluster.node(dead.head).restart();
      await cluster.whenWhole(topic, 3);
    }
    const told = seen.map(({ ackMs, wasController }) => `${ackMs}${wasController ? "*" : ""}`);
    console.log(`first acknowledgement after a death (* of the controller): ${told.join(", ")} ms`);
    expect(Math.max(...seen.map(({ ackMs }) => ackMs))).toBeLessThan(3_000);
  });

  test("has a new head when the head stands still, which stays out until it moves", async () => {
    const paused = await heads.pause();
    console.log(`first acknowledgement after a pause: ${paused.ackMs} ms`);
    expect(paused.newHead).not.toBe(paused.head);
    process.kill(cluster.node(paused.head).pid, "SIGCONT");
    await cluster.whenWhole(topic, 3);
    expect(paused.ackMs).toBeLessThan(pausedMsMax);
  });

  test("has everything that was acknowledged, once and in order, alike on all nodes", async () => {
    await load.goOn(100);
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(await load.readAll()).toEqual(load.acknowledged);
    await waitUntil("the logs are equal", () => {
      const [one, ...more] = cluster.ids.map((id) => cluster.logBytes(id, topic, 0));
      return more.every((bytes) => one?.equals(bytes));
    });
  });
});
