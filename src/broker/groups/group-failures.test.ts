import { describe, expect, test } from "vitest";
import { SimulatedDisk, type Fault } from "../../simulation/simulated-disk.ts";
import { GroupBroker } from "../../../test/support/group-broker.ts";
import { PullGroup } from "../../../test/support/pull-group.ts";
import { XylemError } from "../../base/errors.ts";
import { SeededRandom } from "../../base/seeded-random.ts";

const healthy: Fault = () => undefined;

/** Fails an operation on the files of the offsets topic. */
function failing(operation: string, code: "KAFKA_STORAGE_ERROR" | "DISK_FULL"): Fault {
  return (asked, path) => {
    const isMeant = asked === operation && path.startsWith("__consumer_offsets-");
    if (isMeant) throw new XylemError(code, `${path}: no more`);
  };
}

async function openOn(disk: SimulatedDisk): Promise<GroupBroker> {
  return await GroupBroker.open({ "offsets.retention.check.interval.ms": 1e12 }, undefined, disk);
}

/** A node that has committed one offset of group "g". */
async function openWithOffset(): Promise<{ disk: SimulatedDisk; node: GroupBroker }> {
  const disk = new SimulatedDisk();
  const node = await openOn(disk);
  await node.commit("g", "orders", 1);
  return { disk, node };
}

describe("when the disk is full", () => {
  test("a commit is refused and not readable; later ones succeed", async () => {
    const { disk, node } = await openWithOffset();
    disk.fault = failing("append", "DISK_FULL");
    expect(await node.commit("g", "orders", 2)).toBe("NOT_COORDINATOR");
    expect(node.offsets("g")).toEqual(["orders-0@1"]);
    const errors = node.log.withLevel("error").map(({ message }) => message);
    expect(errors).toContain("group records could not be written");
    disk.fault = healthy;
    expect(await node.commit("g", "orders", 3)).toBeNull();
    expect(node.offsets("g")).toEqual(["orders-0@3"]);
    expect((await node.restart()).offsets("g")).toEqual(["orders-0@3"]);
  });

  test("members are told that assignments could not be stored, and get them later", async () => {
    const { disk, node } = await openWithOffset();
    const { memberId, generation } = await node.join("g");
    const names = { instanceId: null, protocolType: null, protocolName: null, assignments: [] };
    disk.fault = failing("append", "DISK_FULL");
    const refused = await node.groups.sync("g", { memberId, generation, ...names });
    expect(refused.error).toBe("NOT_COORDINATOR");
    disk.fault = healthy;
    const again = await node.join("g", { memberId });
    expect(again).toMatchObject({ error: null, generation: 2 });
    const synced = await node.groups.sync("g", { memberId, generation: 2, ...names });
    expect(synced.error).toBeNull();
  });

  test("who left while nothing could be stored goes with the group that is deleted", async () => {
    const disk = new SimulatedDisk();
    const group = PullGroup.on(await openOn(disk));
    await group.node.createTopic("orders", 2);
    await group.settle("one");
    disk.fault = failing("append", "DISK_FULL");
    await expect(group.leave("one")).rejects.toMatchObject({ code: "NOT_COORDINATOR" });
    disk.fault = healthy;
    expect(await group.node.groups.delete("g")).toBeNull();
    expect(await group.settle("two")).toEqual({ two: [0, 1] });
    await group.restart("stop");
    await group.node.groups.loading().done;
    expect(await group.settle("two")).toEqual({ two: [0, 1] });
  });

  test("a group that could not be deleted is there again", async () => {
    const { disk, node } = await openWithOffset();
    disk.fault = failing("append", "DISK_FULL");
    expect(await node.groups.delete("g")).toBe("NOT_COORDINATOR");
    expect(node.groupNames()).toEqual(["g"]);
    expect(node.offsets("g")).toEqual(["orders-0@1"]);
    disk.fault = healthy;
    expect(await node.groups.delete("g")).toBeNull();
    expect(node.groupNames()).toEqual([]);
  });
});

describe("when flushing fails", () => {
  test("commits are refused and not readable", async () => {
    const { disk, node } = await openWithOffset();
    disk.fault = failing("sync", "KAFKA_STORAGE_ERROR");
    expect(await node.commit("g", "orders", 2)).toBe("NOT_COORDINATOR");
    expect(await node.commit("g", "orders", 3)).toBe("NOT_COORDINATOR");
    expect(node.offsets("g")).toEqual(["orders-0@1"]);
  });

  test("groups of other partitions go on", async () => {
    const { disk, node } = await openWithOffset();
    const other = "another group";
    const partitions = [await node.groups.partitionOf("g"), await node.groups.partitionOf(other)];
    expect(new Set(partitions).size).toBe(2);
    disk.fault = (operation, path) => {
      const isMeant =
        operation === "sync" && path.startsWith(`__consumer_offsets-${partitions[0]}/`);
      if (isMeant) throw new XylemError("KAFKA_STORAGE_ERROR", path);
    };
    expect(await node.commit("g", "orders", 2)).toBe("NOT_COORDINATOR");
    expect(await node.commit(other, "orders", 2)).toBeNull();
  });
});

describe("when flushing takes long", () => {
  test("a commit is given up after its timeout, and counts once it is durable", async () => {
    const { disk, node } = await openWithOffset();
    const gate = Promise.withResolvers<undefined>();
    disk.fault = (operation, path) =>
      operation === "sync" && path.startsWith("__consumer_offsets-") ? gate.promise : undefined;
    const committing = node.commit("g", "orders", 2);
    await node.advance("4900ms");
    let isAnswered = false;
    void committing.then(() => (isAnswered = true));
    await node.settle();
    expect(isAnswered).toBe(false);
    await node.advance("110ms");
    expect(await committing).toBe("COORDINATOR_NOT_AVAILABLE");
    expect(node.offsets("g")).toEqual(["orders-0@1"]);
    gate.resolve(undefined);
    await node.settle();
    expect(node.offsets("g")).toEqual(["orders-0@2"]);
  });
});

describe("while flushing takes long", () => {
  test("expiry leaves alone what is being committed again", async () => {
    const { disk, node } = await openWithOffset();
    await node.commit("g", "payments", 1);
    await node.advance("169h");
    const gate = Promise.withResolvers<undefined>();
    disk.fault = (operation, path) =>
      operation === "sync" && path.startsWith("__consumer_offsets-") ? gate.promise : undefined;
    const committing = node.commit("g", "orders", 2);
    await node.settle();
    const expiring = node.groups.expire();
    gate.resolve(undefined);
    await Promise.all([expiring, committing]);
    expect(node.offsets("g")).toEqual(["orders-0@2"]);
  });
});

describe("after the power went", () => {
  test("every answered commit is there", async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const random = new SeededRandom(seed);
      let disk = new SimulatedDisk();
      const answered = new Map<string, number>();
      for (let round = 0; round < 3; round++) {
        const node = await openOn(disk);
        await node.groups.loading().done;
        for (const [group, offset] of answered) {
          const [found = ""] = node.offsets(group);
          expect(Number(found.split("@")[1])).toBeGreaterThanOrEqual(offset);
        }
        for (let count = random.nextUint32() % 20; count >= 0; count--) {
          const group = `group-${random.nextUint32() % 5}`;
          const offset = (answered.get(group) ?? 0) + 1;
          const committing = node.commit(group, "orders", offset);
          // Some are still under way when the power goes.
          if (random.nextUint32() % 4 === 0) continue;
          if ((await committing) === null) answered.set(group, offset);
        }
        disk = disk.afterPowerCut(random);
      }
    }
  });
});

describe("when groups are loaded", () => {
  test("what is not known to be committed keeps no commit and no stop waiting", async () => {
    const node = await GroupBroker.open();
    await node.createTopic("orders");
    node.groupLog.whenLatestKnown = () => new Promise(() => {});
    const committing = node.commit("g", "orders", 1);
    await node.clock.advance(10_000);
    expect(await committing).toBe("COORDINATOR_LOAD_IN_PROGRESS");
    await node.stop();
  });

  test("damaged records are passed over, and the others are there", async () => {
    const disk = new SimulatedDisk();
    const before = await openOn(disk);
    for (let partition = 0; partition < 3; partition++) {
      await before.commit("g", "orders", partition, { partition });
    }
    await before.stop();
    const folder = `__consumer_offsets-${await partitionOf(before)}`;
    const path = `${folder}/00000000000000000000.log`;
    const bytes = disk.peek(path).slice();
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = (bytes[middle] ?? 0) ^ 0xff;
    disk.poke(path, bytes);
    const after = await openOn(disk);
    await after.groups.loading().done;
    expect(after.offsets("g")).toEqual(["orders-0@0", "orders-2@2"]);
  });

  test("a partition that can not be read is not coordinated; the others are", async () => {
    const { disk, node } = await openWithOffset();
    await node.commit("another group", "orders", 5);
    const folder = `__consumer_offsets-${await node.groups.partitionOf("g")}/`;
    await node.stop();
    const broken = disk.afterKill();
    const after = await openOn(broken);
    broken.fault = (operation, path) => {
      const isMeant = operation === "read" && path.startsWith(folder);
      if (isMeant) throw new XylemError("KAFKA_STORAGE_ERROR", path);
    };
    await after.groups.loading().done;
    expect(after.groups.fetchOffsets("g", null).error).toBe("NOT_COORDINATOR");
    expect(after.offsets("another group")).toEqual(["orders-0@5"]);
  });
});

describe("a lease that ran out while the process stood still", () => {
  test("refuses what was committed, before anybody has told the groups", async () => {
    const { node } = await openWithOffset();
    const memberId = await node.stabilize("members");
    node.groupLog.isElsewhere = () => true;
    expect(node.groups.fetchOffsets("g", null)).toEqual({ error: "NOT_COORDINATOR", offsets: [] });
    expect(await node.commit("g", "orders", 2)).toBe("NOT_COORDINATOR");
    const beat = node.groups.heartbeat("members", { memberId, generation: 1, instanceId: null });
    expect(await beat).toBe("NOT_COORDINATOR");
  });

  test("does not have a member begin anew", async () => {
    const group = await PullGroup.open();
    await group.node.createTopic("orders");
    await group.append("orders", 0, "a", "b");
    const { cursor } = await group.fetch("m");
    await group.ack("m", { cursor });
    const { groups } = group.node;
    groups.fetchOffsets = () => ({ error: "NOT_COORDINATOR", offsets: [] });
    await expect(group.fetch("m")).rejects.toMatchObject({ code: "NOT_COORDINATOR" });
    Reflect.deleteProperty(groups, "fetchOffsets");
    expect(group.node.offsets("g")).toEqual(["orders-0@2"]);
  });
});

/** The partition of group "g", of a node that may be stopped. */
async function partitionOf(node: GroupBroker): Promise<number> {
  const topic = node.broker.topics.find("__consumer_offsets");
  return topic?.partitions.findIndex(({ end }) => end > 0) ?? -1;
}
