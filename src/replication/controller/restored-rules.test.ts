import { expect, test } from "vitest";
import { ControllerWorld, life } from "../../../test/support/controller-world.ts";

const key = "chains/t/0";

/** A chain as a backup has it, in a coordinator that was marked as restored. */
function restored(members: string, up: string): ControllerWorld {
  const world = new ControllerWorld();
  world.up(up);
  world.chain(members);
  world.image.setEra(50);
  return world;
}

test("a chain of a backup is left alone until nodes had time to object, then written anew", () => {
  const world = restored("1a 2a", "1a 2a");
  expect(world.decide().wakeMs).toBe(10_000);
  world.nowMs = 9_999;
  expect(world.settle()).toBe("1 [1a 2a]");
  world.nowMs = 10_000;
  expect(world.settle()).toBe("10002 [1a 2a]");
  expect(world.config().era).toBe(50);
  // It is none of a backup any more.
  world.down(2);
  expect(world.settle()).toBe("10003 [1a]");
});

test("who is down is cut then, in an epoch that no log has", () => {
  const world = restored("1a 2a 3a", "2a 3b");
  expect(world.settle()).toBe("1 [1a 2a 3a]");
  world.nowMs = 10_000;
  expect(world.settle()).toMatch(/^10002 \[2a\]/);
});

test("all members are down: who lost nothing is the chain, but not before", () => {
  const world = restored("1a", "1b");
  expect(world.settle()).toBe("1 [1a]");
  world.nowMs = 10_000;
  expect(world.settle()).toBe("10002 [1b]");
});

test("a replica that is down for good keeps no chain from being written anew", () => {
  const world = restored("1a 2a", "1a 2a");
  world.chain("1a 2a", { replicas: [1, 2, 3] });
  world.nowMs = 1;
  world.settle();
  world.nowMs = 10_001;
  expect(world.settle()).toBe("10002 [1a 2a]");
});

test("members of the newest epoch that anybody knows are awaited, whoever the backup names", () => {
  const world = restored("2a", "1a 2a");
  // Node 2 has given up its replica since: nodes 3 and 4 had it then.
  const known = { epoch: 5, memberIds: [3, 4] };
  const ask = { kind: "fenced", from: life("2a"), lastEpoch: -1, endOffset: 0, known } as const;
  world.ask(ask);
  for (let round = 0; round < 5; round += 1) {
    expect(world.settle()).toBe("1 [2a]");
    world.nowMs += 10_000;
  }
  expect(world.controller.stuck.get(key)).toMatch(/nodes 3, 4 are away$/);
  world.up("3b 4b");
  world.ask(ask);
  expect(world.decide().questions.map(({ nodeId }) => nodeId)).toEqual([3, 4]);
  const { controller } = world;
  controller.tell({ key, from: life("3b"), lastEpoch: 1, endOffset: 7, known });
  controller.tell({ key, from: life("4b"), lastEpoch: 1, endOffset: 8, known });
  expect(world.settle()).toMatch(/^10006 \[4b\]/);
});

/** Node 1 was cut before records were deleted, and has one that was never committed. */
function cutBefore(lastEpochOfTheCut: number, told: object): string {
  const world = restored("1a 2a 3a", "1a 2a 3a");
  const known = { epoch: 5, memberIds: [2, 3] };
  const deleted = { lastEpoch: 4, endOffset: 13, logStart: 9 };
  world.ask({ kind: "fenced", from: life("2a"), ...deleted, known, ...told });
  const { controller } = world;
  controller.tell({ key, from: life("3a"), lastEpoch: 4, endOffset: 12, logStart: 9 });
  controller.tell({ key, from: life("1a"), lastEpoch: lastEpochOfTheCut, endOffset: 14 });
  world.settle();
  world.nowMs += 10_000;
  return world.settle();
}

test.each([
  ["a member of the newest epoch has all", 4, {}, 2],
  ["a log may be of an epoch that nobody noted", 6, {}, 1],
  ["the members that told lost something", 4, { isUnsound: true }, 1],
] as const)("one that was cut may have a longer log: %s", (_, lastEpoch, told, id) => {
  expect(cutBefore(lastEpoch, told)).toMatch(new RegExp(`^\\d+ \\[${id}a\\]`));
});

test("a member of the newest epoch with a damaged log leaves it to a shorter, sound one", () => {
  const world = restored("1a 3a", "1a 3a");
  const known = { epoch: 5, memberIds: [1, 3] };
  const damaged = { lastEpoch: 4, endOffset: 35, isUnsound: true, known } as const;
  world.ask({ kind: "fenced", from: life("1a"), ...damaged });
  world.controller.tell({ key, from: life("3a"), lastEpoch: 1, endOffset: 31, known });
  world.settle();
  world.nowMs += 10_000;
  expect(world.settle()).toBe("10006 [3a] joining 1a");
});

test("a member of the newest epoch that came back on another disk vouches for nothing", () => {
  const world = restored("2a 3a", "2b 3a");
  const wiped = { lastEpoch: -1, endOffset: 0, known: { epoch: 3, memberIds: [] } };
  world.ask({ kind: "fenced", from: life("2b"), ...wiped });
  const known = { epoch: 2, memberIds: [2, 3] };
  world.controller.tell({ key, from: life("3a"), lastEpoch: 2, endOffset: 22, known });
  world.settle();
  world.nowMs += 10_000;
  expect(world.settle()).toBe("10004 [3a] joining 2b");
});

test("an unclean start after a restore is the chain's last in its new epoch too", () => {
  const lost = { lineages: { fsync: "new", os: "new" } };
  const world = new ControllerWorld({}, { durability: "os" });
  world.up("1b", lost);
  world.chain("1a");
  world.image.setEra(50);
  world.controller.tell({ key, from: life("1b"), lastEpoch: 1, endOffset: 3 });
  world.nowMs = 0;
  world.settle();
  world.nowMs = 10_000;
  world.settle();
  const { epoch, unclean } = world.config();
  expect([epoch, unclean]).toEqual([10_002, 10_002]);
});

test("of an unclean start that the backup is from before the chain knows again", () => {
  const world = restored("1a 2a", "1a 2a");
  const known = { epoch: 7, memberIds: [2], unclean: 5 };
  world.ask({ kind: "fenced", from: life("2a"), lastEpoch: 7, endOffset: 14, known });
  world.controller.tell({ key, from: life("1a"), lastEpoch: 4, endOffset: 16 });
  world.settle();
  world.nowMs += 10_000;
  expect(world.settle()).toBe("10008 [2a] joining 1a");
  expect(world.config().unclean).toBe(5);
});

test("of it a node may know whose neighbour, of a version before, does not say so", () => {
  const world = restored("1a 2a", "1a 2a");
  const known = { epoch: 7, memberIds: [1, 2] };
  const end = { lastEpoch: 7, endOffset: 14 };
  world.ask({ kind: "fenced", from: life("2a"), ...end, known });
  world.controller.tell({ key, from: life("1a"), ...end, known: { ...known, unclean: 5 } });
  world.settle();
  world.nowMs += 10_000;
  world.settle();
  expect(world.config().unclean).toBe(5);
});

test("who is back of a chain waits while nodes that were stopped with all may still come", () => {
  const world = new ControllerWorld({ othersComeUntilMs: 10_000 });
  world.chain("1a 2a 3a");
  world.up("2b");
  world.settle();
  world.nowMs = 1_000;
  expect(world.decide().wakeMs).toBe(10_000);
  world.nowMs = 9_999;
  expect(world.settle()).toBe("1 [1a 2a 3a]");
  world.nowMs = 10_000;
  expect(world.settle()).toBe("2 [2b]");
});

test("all members that are back wait for who else holds it, unless gone for good", () => {
  const world = new ControllerWorld({ othersComeUntilMs: 10_000 });
  world.chain("2a", { replicas: [1, 2] });
  world.chain("2a", {}, 1);
  world.up("2b");
  world.settle();
  expect([world.show(0), world.show(1)]).toEqual(["1 [2a]", "2 [2b]"]);
  world.image.setSeats([{ id: 1, rack: "", weight: 1, state: "leaving", isGone: true }]);
  expect(world.settle()).toBe("2 [2b]");
});

test("nor do those that all lost something go on before", () => {
  const world = new ControllerWorld({ othersComeUntilMs: 10_000 }, { durability: "os" });
  world.chain("2a", { replicas: [1, 2] });
  world.up("2b", { lineages: { fsync: "f2", os: "rebooted" } });
  world.controller.tell({ key, from: life("2b"), lastEpoch: 1, endOffset: 5 });
  world.settle();
  world.nowMs = 9_999;
  expect(world.settle()).toBe("1 [2a]");
  world.nowMs = 10_000;
  expect(world.settle()).toBe("2 [2b]");
});

test("those of them that have come may take longer to start", () => {
  const world = new ControllerWorld({ othersComeUntilMs: 10_000, othersStartUntilMs: 60_000 });
  world.chain("1a 2a 3a");
  world.chain("1a 2a 3a", {}, 1);
  world.image.setStarting(new Set([1, 3]));
  world.up("2b");
  world.settle();
  world.nowMs = 59_999;
  expect([world.settle(), world.decide().wakeMs]).toEqual(["1 [1a 2a 3a]", 60_000]);
  // One has died while it started, and the other one as well.
  world.image.setStarting(new Set([3]));
  expect(world.settle()).toBe("1 [1a 2a 3a]");
  world.image.setStarting(new Set());
  expect(world.settle()).toBe("2 [2b]");
});

test("nor are they waited for without an end", () => {
  const world = new ControllerWorld({ othersComeUntilMs: 10_000, othersStartUntilMs: 60_000 });
  world.chain("1a 2a 3a");
  world.image.setStarting(new Set([1]));
  world.up("2b");
  world.settle();
  world.nowMs = 60_000;
  expect(world.settle()).toBe("2 [2b]");
});
