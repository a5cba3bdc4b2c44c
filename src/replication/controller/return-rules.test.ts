import { describe, expect, test } from "vitest";
import { ControllerWorld, life, topicRules } from "../../../test/support/controller-world.ts";
import { longestOf, startUnclean } from "./return-rules.ts";

const wiped = { lineages: { fsync: "new", os: "new" } };
const rebooted = (id: number) => ({ lineages: { fsync: `f${id}`, os: "rebooted" } });

function tell(world: ControllerWorld, name: string, lastEpoch: number, endOffset: number): void {
  const from = life(name);
  world.controller.tell({ key: "chains/t/0", from, lastEpoch, endOffset });
}

describe("all members down", () => {
  test("a chain of one goes on at once, in its node's new life", () => {
    const world = new ControllerWorld();
    world.chain("1a");
    world.up("1b");
    expect(world.settle()).toBe("2 [1b]");
  });

  test("the first that lost nothing is the chain after a short wait, the others join", () => {
    const world = new ControllerWorld();
    world.chain("1a 2a 3a");
    world.up("2b");
    expect(world.decide().wakeMs).toBe(1_000);
    world.nowMs = 999;
    expect(world.settle()).toBe("1 [1a 2a 3a]");
    world.nowMs = 1_000;
    expect(world.settle()).toBe("2 [2b]");
    world.up("1b 3b");
    expect(world.live()).toBe("4 [2b 1b 3b]");
  });

  test("of those that are back within the wait the first of the chain is taken", () => {
    const world = new ControllerWorld();
    world.chain("1a 2a 3a");
    world.up("3b");
    world.settle();
    world.up("2b");
    world.nowMs = 1_000;
    expect(world.settle()).toBe("2 [2b] joining 3b");
  });

  test("when all are back and have told, the longest log is taken without a wait", () => {
    const world = new ControllerWorld();
    world.chain("1a 2a 3a");
    world.up("1b 2b 3b");
    expect(world.decide().questions).toEqual(
      [1, 2, 3].map((nodeId) => {
        return { nodeId, keys: ["chains/t/0"] };
      }),
    );
    tell(world, "1b", 1, 5);
    tell(world, "2b", 1, 7);
    expect(world.settle()).toBe("1 [1a 2a 3a]");
    tell(world, "3b", 1, 6);
    expect(world.settle()).toMatch(/^2 \[2b\]/);
  });

  test("a member whose lease comes back in its old life goes on as it was", () => {
    const world = new ControllerWorld();
    world.chain("1a 2a");
    world.up("1a");
    expect(world.settle()).toBe("2 [1a]");
  });

  test("a wiped node is not the chain, whoever comes late", () => {
    const world = new ControllerWorld();
    world.chain("1a 2a");
    world.up("2b", wiped);
    world.nowMs = 60_000;
    expect(world.settle()).toBe("1 [1a 2a]");
    const why = "who is back lacks some of its log, and nodes 1 are away";
    expect([...world.controller.stuck.values()]).toEqual([why]);
    world.up("1b");
    expect(world.settle()).toBe("1 [1a 2a]");
    expect(world.controller.stuck.size).toBe(0);
    world.nowMs = 61_000;
    world.settle();
    world.nowMs = 62_000;
    expect(world.live()).toBe("3 [1b 2b]");
    expect(world.config().unclean).toBe(0);
  });

  test("with durability fsync and every disk lost it waits for a hand, and says so", () => {
    const world = new ControllerWorld();
    world.chain("1a 2a");
    world.up("1b 2b", wiped);
    expect(world.settle()).toBe("1 [1a 2a]");
    expect([...world.controller.stuck.keys()]).toEqual(["chains/t/0"]);
  });

  test("with durability os and every machine crashed the longest log goes on, uncleanly", () => {
    const world = new ControllerWorld({}, { durability: "os" });
    const members = [1, 2].map((id) => ({ id, incarnation: "a", lineage: `o${id}` }));
    world.chain("1a 2a", { members });
    world.up("1b", rebooted(1));
    world.nowMs = 60_000;
    expect(world.settle()).toBe("1 [1a 2a]");
    world.up("2b", rebooted(2));
    expect(world.decide()).toMatchObject({ questions: { length: 2 }, wakeMs: 61_000 });
    world.nowMs = 61_000;
    expect(world.decide().questions).toHaveLength(2);
    tell(world, "1b", 1, 90);
    tell(world, "2b", 2, 10);
    const { changes } = world.controller.decide(world.nowMs);
    expect(changes[0]?.config).toMatchObject({ epoch: 2, unclean: 2, members: [{ id: 2 }] });
    // The entries of both are compared: no member may have a lease.
    expect(changes[0]?.nodes.map(({ id }) => id)).toEqual([1, 2]);
  });

  test("of logs that end alike one that is sound goes on", () => {
    const world = new ControllerWorld({}, { durability: "os" });
    world.chain("1a 2a 3a");
    for (const id of [1, 2, 3]) world.up(`${id}b`, wiped);
    world.settle();
    const end = { key: "chains/t/0", lastEpoch: 1, endOffset: 5 };
    for (const name of ["1b", "3b"]) {
      world.controller.tell({ ...end, from: life(name), isUnsound: true });
    }
    world.controller.tell({ ...end, from: life("2b") });
    expect(world.settle()).toMatch(/^2 \[2b\]/);
  });

  test("of logs that end alike one goes on that knows of the last deletion", () => {
    const ends = [0, 28, 14].map((logStart, index) => {
      return {
        key: "chains/t/0",
        from: life(`${index + 1}a`),
        lastEpoch: 8,
        endOffset: 57,
        logStart,
      };
    });
    for (const told of [ends, ends.toReversed()]) expect(longestOf(told)?.from.id).toBe(2);
  });

  test("an answer of a node's former life does not count", () => {
    const world = new ControllerWorld({}, { durability: "os" });
    world.chain("1a");
    tell(world, "1b", 1, 5);
    world.up("1c", rebooted(1));
    expect(world.settle()).toBe("1 [1a]");
    tell(world, "1c", 1, 5);
    expect(world.settle()).toBe("2 [1c]");
  });

  test.each([
    ["os, listed by what it flushed: written bytes may be gone", "os", "f1", [2]],
    ["fsync, listed by what it wrote, and it kept that", "fsync", "o1", [0]],
    ["fsync, listed by what it wrote, and the machine crashed", "fsync", "former", []],
  ] as const)(
    "a topic whose durability was changed to %s",
    (_case, durability, lineage, unclean) => {
      const world = new ControllerWorld({}, { durability });
      world.chain("1a", { members: [{ id: 1, incarnation: "a", lineage }] });
      world.up("1b");
      tell(world, "1b", 1, 5);
      expect(world.decide().changes.map(({ config }) => config.unclean)).toEqual(unclean);
    },
  );
});

describe("an unclean start by hand", () => {
  const rules = { ...topicRules, allowsUnclean: true };
  const start = (world: ControllerWorld, name: string, topic = rules, lastEpoch = 1) => {
    const chain = world.image.findChain("chains/t/0");
    if (chain === undefined) throw new Error("no chain");
    return startUnclean(
      chain,
      { from: life(name), lastEpoch },
      { leased: world.image.leased, topic },
    );
  };
  const refused = (code: string) => expect.objectContaining({ code });

  test("records its epoch, and compares that no member has a lease", () => {
    const world = new ControllerWorld();
    world.chain("1a 2a");
    world.up("3a", { revision: 70 });
    const { config, nodes } = start(world, "3a");
    expect(config).toMatchObject({ epoch: 2, unclean: 2, members: [{ id: 3, lineage: "f3" }] });
    expect(nodes).toEqual([
      { id: 1, revision: 0 },
      { id: 2, revision: 0 },
      { id: 3, revision: 70 },
    ]);
  });

  test("is refused while a member is up, from one that is not, and where not allowed", () => {
    const world = new ControllerWorld();
    world.chain("1a 2a");
    world.up("3a");
    expect(() => start(world, "4a")).toThrow(refused("PREFERRED_LEADER_NOT_AVAILABLE"));
    expect(() => start(world, "3a", topicRules)).toThrow(refused("ELIGIBLE_LEADERS_NOT_AVAILABLE"));
    world.up("2a");
    expect(() => start(world, "3a")).toThrow(refused("ELECTION_NOT_NEEDED"));
  });

  test("is refused from a node that was restarted since it told where its log ends", () => {
    const world = new ControllerWorld();
    world.chain("1a 2a");
    world.up("3b");
    expect(() => start(world, "3a")).toThrow(refused("PREFERRED_LEADER_NOT_AVAILABLE"));
    expect(start(world, "3b").config.members).toMatchObject([{ id: 3, incarnation: "b" }]);
  });

  test("is made past members that wait with an old state for a node that is away", () => {
    const world = new ControllerWorld();
    world.chain("1a 2a 3a");
    world.up("1a 2a 3a");
    expect(() => start(world, "2a", rules, 7)).toThrow(refused("ELECTION_NOT_NEEDED"));
    world.down(3);
    expect(() => start(world, "2a", topicRules, 7)).toThrow(
      refused("ELIGIBLE_LEADERS_NOT_AVAILABLE"),
    );
    const { config } = start(world, "2a", rules, 7);
    expect(config.members).toMatchObject([{ id: 2 }]);
    // No log of node 3 can be of that epoch: should it come back, it is seen to differ.
    expect(config.epoch).toBeGreaterThan(10_000);
    expect(config.unclean).toBe(config.epoch);
  });
});

describe("logs that are newer than the coordinator's state", () => {
  const fenced = (world: ControllerWorld, name: string, lastEpoch: number, endOffset: number) =>
    world.ask({ kind: "fenced", from: life(name), lastEpoch, endOffset });

  const seat = (id: number) => ({ id, rack: "", weight: 1, state: "valid" as const });
  const gone = (id: number) => ({
    ...seat(id),
    state: "leaving" as const,
    isGone: true as const,
  });

  /** Node 4 has the newest log, and dies before anything is decided. */
  function loseNewest(world: ControllerWorld): void {
    fenced(world, "4a", 8, 120);
    fenced(world, "2a", 7, 100);
    tell(world, "1a", 1, 300);
    world.settle();
    world.down(4);
    world.nowMs += 60_000;
  }

  test("are gone on with from the newest, once all nodes named have told where theirs end", () => {
    const world = new ControllerWorld();
    world.up("1a 2a 3a");
    world.chain("1a 2a 3a");
    world.settle();
    fenced(world, "2a", 7, 100);
    expect(world.decide().questions.map(({ nodeId }) => nodeId)).toEqual([1, 3]);
    tell(world, "1a", 1, 300);
    tell(world, "3a", 7, 101);
    expect(world.settle()).toBe("1 [1a 2a 3a]");
    world.nowMs += 10_000;
    // No log of a node that is away can be of that epoch.
    expect(world.settle()).toBe("10008 [3a] joining 1a");
    expect(world.live()).toMatch(/\[3a 1a 2a\]$/);
    expect(world.reasons[0]).toBe("node 3 has the newest log");
  });

  test("wait from when the first was heard of, though nothing is decided meanwhile", () => {
    const world = new ControllerWorld();
    world.up("1a 2a 3a");
    world.chain("1a 2a 3a");
    fenced(world, "2a", 7, 100);
    world.nowMs += 4_000;
    // A node repeats what it says as long as it holds.
    fenced(world, "2a", 7, 100);
    world.nowMs += 6_000;
    for (const name of ["1a", "3a"]) tell(world, name, 1, 300);
    expect(world.settle()).toMatch(/^10008 \[2a\]/);
  });

  test.each([
    ["os", true, true],
    ["os", false, false],
    ["fsync", true, false],
  ] as const)("of a topic with %s, unsound: %s, begin uncleanly: %s", (...row) => {
    const [durability, isUnsound, isUnclean] = row;
    const world = new ControllerWorld({}, { durability });
    world.up("1a 2a");
    world.chain("1a 2a");
    world.settle();
    world.ask({ kind: "fenced", from: life("2a"), lastEpoch: 7, endOffset: 9, isUnsound });
    tell(world, "1a", 3, 5);
    world.settle();
    world.nowMs += 10_000;
    world.decide();
    const { members, epoch, unclean } = world.config();
    expect(members).toMatchObject([{ id: 2 }]);
    expect(unclean).toBe(isUnclean ? epoch : 0);
  });

  test("may have no records left: what was deleted there was committed", () => {
    const world = new ControllerWorld();
    world.up("1a 2a");
    world.chain("1a 2a");
    world.settle();
    const known = { epoch: 5, memberIds: [2] };
    const emptied = { lastEpoch: -1, endOffset: 13, logStart: 13, known };
    world.ask({ kind: "fenced", from: life("2a"), ...emptied });
    tell(world, "1a", 3, 5);
    world.settle();
    world.nowMs += 10_000;
    expect(world.settle()).toMatch(/^10006 \[2a\]/);
  });

  test.each([
    [1, 2, 3],
    [1, 3, 2],
    [2, 1, 3],
    [2, 3, 1],
    [3, 1, 2],
    [3, 2, 1],
  ])("are none that ends below what was deleted in another: nodes %i, %i, %i", (...ids) => {
    const world = new ControllerWorld();
    const [emptied, short, long] = ids.map((id) => `${id}a`) as [string, string, string];
    world.up("1a 2a 3a");
    world.chain("1a 2a 3a");
    world.settle();
    const known = { epoch: 5, memberIds: [1, 2, 3] };
    const told = { lastEpoch: -1, endOffset: 13, logStart: 13, known };
    world.ask({ kind: "fenced", from: life(emptied), ...told });
    tell(world, short, 4, 10);
    tell(world, long, 3, 14);
    world.settle();
    world.nowMs += 10_000;
    expect(world.settle()).toContain(`[${long}]`);
  });

  test("may be a node's that the old state does not name: it is the chain then", () => {
    const world = new ControllerWorld();
    world.up("1a 2a 4a");
    world.chain("1a 2a");
    world.settle();
    fenced(world, "4a", 9, 50);
    tell(world, "1a", 1, 10);
    tell(world, "2a", 8, 60);
    world.settle();
    world.nowMs += 10_000;
    expect(world.settle()).toBe("10010 [4a] joining 1a");
  });

  test("wait for nodes that are away, and nobody is cut meanwhile", () => {
    const world = new ControllerWorld();
    world.up("1a 2a");
    world.chain("1a 2a 3a");
    fenced(world, "2a", 7, 100);
    tell(world, "1a", 1, 300);
    for (let round = 0; round < 5; round += 1) {
      expect(world.settle()).toBe("1 [1a 2a 3a]");
      world.nowMs += 10_000;
    }
    expect([...world.controller.stuck.values()]).toEqual([
      "the coordinator's state is older than the logs, and nodes 3 are away",
    ]);
  });

  test("wait no more for a node once it is removed for good, and say that it was unclean", () => {
    const world = new ControllerWorld();
    world.image.setSeats([1, 2, 3, 4].map(seat));
    world.up("1a 2a 4a");
    world.chain("1a 2a 3a");
    loseNewest(world);
    expect(world.settle()).toBe("1 [1a 2a 3a]");
    world.image.setSeats([seat(1), seat(2), gone(3), seat(4)]);
    expect(world.settle()).toBe("1 [1a 2a 3a]");
    expect([...world.controller.stuck.values()]).toEqual([
      "the coordinator's state is older than the logs, and nodes 4 are away",
    ]);
    world.image.setSeats([seat(1), seat(2), gone(3), gone(4)]);
    expect(world.decide().changes[0]?.nodes).toEqual([
      { id: 3, revision: 0 },
      { id: 4, revision: 0 },
    ]);
    expect(world.config().members).toMatchObject([{ id: 2 }]);
    expect(world.config().epoch).toBeGreaterThan(10_000);
    expect(world.config().unclean).toBe(world.config().epoch);
    expect(world.controller.stuck.size).toBe(0);
  });

  test("are not forgotten with a node that had the newest and was removed", () => {
    const world = new ControllerWorld();
    world.image.setSeats([seat(4)]);
    world.up("1a 2a 4a");
    // The old state does not name it.
    world.chain("1a 2a");
    loseNewest(world);
    expect(world.settle()).toBe("1 [1a 2a]");
    world.image.setSeats([gone(4)]);
    world.decide();
    expect(world.config().members).toMatchObject([{ id: 2 }]);
    expect(world.config().unclean).toBe(world.config().epoch);
  });
});
