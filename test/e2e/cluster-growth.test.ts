import { afterAll, beforeAll, expect, test } from "vitest";
import { BucketLoad, partitionsPerBucket, topicOf } from "../support/bucket-load.ts";
import { describeWith } from "../support/skips.ts";
import { waitUntil } from "../support/wait-until.ts";
import { XylemCluster } from "../support/xylem-cluster.ts";
import { xylem } from "../support/xylem-command.ts";

const bucketCount = 20;
const partitionCount = bucketCount * partitionsPerBucket;
/** What is written between two steps. */
const recordsBetween = partitionCount;

/** Under load two seconds are short. */
const longLease = { "cluster.lease.ms": "10000" };

const percent = (share: number): number => Math.round(share * 10_000) / 100;

interface Status {
  readonly nodes: readonly {
    readonly nodeId: number;
    readonly status: string;
    readonly share: number;
    readonly pendingShare: number;
    readonly heads: number;
    readonly members: number;
    readonly sizeBytes: number;
  }[];
  readonly plan: { readonly planId: string; readonly state: string; readonly skipped: number };
}

describeWith(["etcd"], "a cluster that grows while 20 buckets are written and read", () => {
  let cluster: XylemCluster;
  let load: BucketLoad;

  /** As people call it, at one node after the other. */
  const command = async (at: number, ...words: string[]): Promise<Status> => {
    const where = ["--bootstrap", cluster.node(at).bootstrap, "--json"];
    const { code, stdout, stderr } = await xylem(["cluster", ...words, ...where]);
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as Status;
  };
  const status = (at: number): Promise<Status> => command(at, "status");
  const percents = ({ nodes }: Status): number[] => nodes.map(({ share }) => percent(share));
  const whenMoreIsWritten = async (): Promise<void> => {
    const wanted = load.acknowledged + recordsBetween;
    await waitUntil("more is written", () => load.acknowledged >= wanted);
  };
  /** What every partition is on; changes when anything moves. */
  const places = async (): Promise<string> => {
    const topics = Array.from({ length: bucketCount }, (_, at) => topicOf(at));
    const told = await Promise.all(topics.map((topic) => cluster.partitions(1, topic)));
    return JSON.stringify(told.flat().map(({ leader, leaderEpoch }) => [leader, leaderEpoch]));
  };

  beforeAll(async () => {
    cluster = await XylemCluster.start(1, longLease);
    load = await BucketLoad.start(cluster, bucketCount);
  });

  afterAll(async () => {
    await load?.stop();
    await cluster?.stop();
  });

  test("has one node with all of it first", async () => {
    await whenMoreIsWritten();
    expect(percents(await status(1))).toEqual([100]);
  });

  test.each([2, 3, 4])("with node %i moves nothing before a commit, then is even", async (id) => {
    const before = await places();
    const shares = [...Array<number>(id - 1).fill(percent(1 / (id - 1))), 0];
    await cluster.add(longLease);
    expect(percents(await command(id, "join"))).toEqual(shares);
    await command(id, "plan");
    await whenMoreIsWritten();
    expect(await places()).toBe(before);
    expect((await status(id)).nodes.at(-1)).toMatchObject({ status: "joining", heads: 0 });
    expect(await command(1, "commit", "--wait")).toMatchObject({ state: "done", skipped: 0 });
    const even = await status(id);
    expect(percents(even)).toEqual(Array(id).fill(percent(1 / id)));
    expect(even.nodes.map(({ heads }) => heads)).toEqual(Array(id).fill(partitionCount / id));
    const sizes = even.nodes.map(({ sizeBytes }) => sizeBytes);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(Math.max(...sizes) / total).toBeLessThan(1.5 / id);
    await whenMoreIsWritten();
  });

  test("gives back what a node has that leaves, which is then in it no more", async () => {
    const before = await places();
    expect((await command(4, "leave", "2")).nodes[1]).toMatchObject({ status: "leaving" });
    await whenMoreIsWritten();
    expect(await places()).toBe(before);
    await command(3, "commit", "--wait");
    const { nodes } = await status(4);
    expect(nodes.map(({ nodeId, heads }) => [nodeId, heads])).toEqual([
      [1, 20],
      [2, 0],
      [3, 20],
      [4, 20],
    ]);
    expect(nodes[1]?.status).toBe("left");
    await whenMoreIsWritten();
  });

  test("says at once what a drained node goes on leading, and waits for nothing else", async () => {
    const where = ["--bootstrap", cluster.node(3).bootstrap, "--json"];
    const beganMs = performance.now();
    const { code, stdout, stderr } = await xylem(["cluster", "drain", "4", "--wait", ...where]);
    expect(code, stderr).toBe(0);
    // It looked for a minute before it gave up.
    expect(performance.now() - beganMs).toBeLessThan(30_000);
    expect(stderr).toMatch(/^node 4 goes on leading 20 partitions: no other node /);
    const { nodes } = JSON.parse(stdout) as Status;
    expect(nodes[3]).toMatchObject({ status: "draining", heads: 20, keptHeads: 20 });
    await command(1, "undrain", "4");
  });

  test("leads nothing where a node is drained, which takes part again when that ends", async () => {
    const replicated = await command(1, "commit", "--replicas", "2", "--wait");
    expect(replicated).toMatchObject({ state: "done", skipped: 0 });
    const drained = await command(3, "drain", "4", "--wait");
    expect(drained.nodes[3]).toMatchObject({ status: "draining", heads: 0, share: 1 / 3 });
    await whenMoreIsWritten();
    await command(1, "undrain", "4");
    await waitUntil("it is in all its chains again", async () => {
      const answer = await fetch(`http://${cluster.node(1).bootstrap}/v1/cluster/status`);
      const { nodes } = (await answer.json()) as Status;
      return nodes[3]?.members === (2 * partitionCount) / 3;
    });
  });

  test("has every event once and in order, and no writer was told of an error", async () => {
    await load.stop();
    expect(load.failures).toEqual([]);
    for (const { acknowledged, read } of load.streams) {
      expect(read).toEqual(Array.from({ length: acknowledged }, (_, at) => at));
    }
    console.log(`${load.acknowledged} records were written, and ${load.read} read`);
  });
});
