import { describe, expect, test } from "vitest";
import { ControllerWorld, life } from "../../../test/support/controller-world.ts";

describe("failures", () => {
  test("a member whose lease is gone is cut, in a new epoch", () => {
    const world = new ControllerWorld();
    world.up("1a 2a 3a");
    world.chain("1a 2a 3a");
    expect(world.settle()).toBe("1 [1a 2a 3a]");
    world.down(1);
    expect(world.settle()).toBe("2 [2a 3a]");
    expect(world.reasons).toEqual(["node 1 gone"]);
  });

  test("nobody is cut while no other member is up", () => {
    const world = new ControllerWorld();
    world.up("3a");
    world.chain("1a 2a");
    expect(world.settle()).toBe("1 [1a 2a]");
  });

  test("a node that came back in another life is cut, and joins as the tail", () => {
    const world = new ControllerWorld();
    world.up("1a 2a");
    world.chain("1a 2a");
    world.settle();
    world.up("1b");
    expect(world.settle()).toBe("2 [2a] joining 1b");
    expect(world.live()).toBe("3 [2a 1b]");
  });

  test("a successor that its predecessor reports is cut, and rests before it joins again", () => {
    const world = new ControllerWorld();
    world.up("1a 2a 3a");
    world.chain("1a 2a 3a");
    world.ask({ kind: "report", from: life("1a"), stalled: life("2a") });
    expect(world.settle()).toBe("2 [1a 3a]");
    world.nowMs = 4_999;
    expect(world.settle()).toBe("2 [1a 3a]");
    world.nowMs = 5_000;
    expect(world.settle()).toBe("2 [1a 3a] joining 2a");
  });

  test("a head that gives up itself is cut while there is another, and alone stays", () => {
    const world = new ControllerWorld();
    world.up("1a 2a");
    world.chain("1a 2a");
    world.ask({ kind: "report", from: life("1a"), stalled: life("1a") });
    expect(world.settle()).toBe("2 [2a]");
    world.down(1);
    world.ask({ kind: "report", from: life("2a"), stalled: life("2a") });
    expect(world.settle()).toBe("2 [2a]");
  });

  test.each([
    ["the one ahead", "1a", "2a", "2 [1a 3a]"],
    ["the one behind", "2a", "1a", "2 [2a 3a]"],
  ])("one that lives is cut when it is reported by %s", (_case, from, stalled, after) => {
    const world = new ControllerWorld();
    world.up("1a 2a 3a");
    world.chain("1a 2a 3a", { replicas: [1, 2, 3] });
    world.settle();
    world.ask({ kind: "report", from: life(from), stalled: life(stalled) });
    expect(world.settle()).toBe(after);
  });

  test("one that stands still again and again rests longer and longer", () => {
    const world = new ControllerWorld();
    world.up("1a 2a");
    world.chain("1a", { replicas: [1, 2] });
    const rests: number[] = [];
    for (let times = 0; times < 9; times += 1) {
      world.settle();
      const sinceMs = world.nowMs;
      world.ask({ kind: "report", from: life("1a"), stalled: life("2a") });
      world.settle();
      world.nowMs = world.controller.decide(world.nowMs).wakeMs ?? NaN;
      rests.push((world.nowMs - sinceMs) / 5_000);
    }
    expect(rests).toEqual([1, 2, 4, 8, 16, 32, 64, 64, 64]);
    world.live();
    world.nowMs += 3_600_000;
    world.settle();
    world.ask({ kind: "report", from: life("1a"), stalled: life("2a") });
    world.settle();
    const { wakeMs = NaN } = world.controller.decide(world.nowMs);
    expect(wakeMs - world.nowMs).toBe(5_000);
  });

  test.each([
    ["of another epoch", "1a", "2a", 7],
    ["of another life", "1a", "2b", 1],
    ["by one who is no neighbour", "3a", "1a", 1],
  ])("a report counts for nothing: %s", (_case, from, stalled, epoch) => {
    const world = new ControllerWorld();
    world.up("1a 2a 3a");
    world.chain("1a 2a 3a");
    world.ask({ kind: "report", from: life(from), stalled: life(stalled) }, 0, epoch);
    expect(world.settle()).toBe("1 [1a 2a 3a]");
  });
});

describe("joins", () => {
  test("naming a joiner keeps the epoch, appending it begins one", () => {
    const world = new ControllerWorld();
    world.up("1a 2a");
    world.chain("1a", { replicas: [1, 2] });
    expect(world.settle()).toBe("1 [1a] joining 2a");
    world.askAppend(life("2a"));
    expect(world.settle()).toBe("2 [1a 2a]");
  });

  test.each([
    ["of an older epoch", "1a", "2a", 0],
    ["by one who is not the tail", "3a", "2a", 1],
    ["for another life", "1a", "2b", 1],
  ])("an ask counts for nothing: %s", (_case, from, joiner, epoch) => {
    const world = new ControllerWorld();
    world.up("1a 2a 3a");
    world.chain("1a", { replicas: [1, 2] });
    world.settle();
    world.ask({ kind: "append", from: life(from), joiner: life(joiner) }, 0, epoch);
    expect(world.settle()).toBe("1 [1a] joining 2a");
  });

  test("an ask that comes before its epoch is seen here waits for it", () => {
    const world = new ControllerWorld();
    world.up("1a 2a");
    world.chain("1a", { replicas: [1, 2] });
    world.settle();
    const seen = world.config();
    world.ask({ kind: "append", from: life("1a"), joiner: life("2a") }, 0, 2);
    world.settle();
    world.set(0, { ...seen, epoch: 2 });
    expect(world.settle()).toBe("3 [1a 2a]");
  });

  test("a joiner that died is not appended, though it was asked for", () => {
    const world = new ControllerWorld();
    world.up("1a 2a");
    world.chain("1a", { replicas: [1, 2] });
    world.settle();
    world.askAppend(life("2a"));
    world.down(2);
    expect(world.settle()).toBe("2 [1a]");
  });

  test("a joiner that dies or stands still is cancelled, in a new epoch", () => {
    const world = new ControllerWorld();
    world.up("1a 2a");
    world.chain("1a", { replicas: [1, 2] });
    world.settle();
    world.down(2);
    expect(world.settle()).toBe("2 [1a]");
    world.up("2a");
    expect(world.settle()).toBe("2 [1a] joining 2a");
    world.ask({ kind: "report", from: life("1a"), stalled: life("2a") });
    expect(world.settle()).toBe("3 [1a]");
  });

  test("of one node are limited; the next begins when one ends", () => {
    const world = new ControllerWorld({ joinsPerNodeMax: 2 }, { partitions: 5 });
    world.up("1a 2a");
    for (let at = 0; at < 5; at += 1) world.chain("1a", { replicas: [1, 2] }, at);
    const joining = (): number[] => [0, 1, 2, 3, 4].filter((at) => world.config(at).joining.length);
    world.settle();
    expect(joining()).toEqual([0, 1]);
    world.askAppend(life("2a"), 0);
    world.settle();
    expect(joining()).toEqual([1, 2]);
    world.down(2);
    world.settle();
    world.up("2b");
    world.settle();
    expect(joining()).toHaveLength(2);
  });
});

describe("the controller's work", () => {
  test("a node's end concerns its chains only", () => {
    const world = new ControllerWorld({}, { partitions: 3 });
    world.up("1a 2a 3a");
    world.chain("1a 2a", {}, 0);
    world.chain("2a 3a", {}, 1);
    world.chain("1a 3a", {}, 2);
    world.settle();
    world.down(1);
    expect([...world.image.marked]).toEqual(["chains/t/0", "chains/t/2"]);
  });

  test("a chain has one change at a time, until its outcome is seen", () => {
    const world = new ControllerWorld();
    world.up("1a 2a 3a");
    world.chain("1a 2a 3a");
    world.down(1);
    expect(world.controller.decide(0).changes).toHaveLength(1);
    world.down(2);
    expect(world.controller.decide(0).changes).toHaveLength(0);
    world.controller.retry("chains/t/0");
    expect(world.settle()).toBe("2 [3a]");
  });

  test("a change names the revision it was decided on", () => {
    const world = new ControllerWorld();
    world.up("1a 2a");
    world.chain("1a 2a");
    world.down(2);
    const revision = world.image.findChain("chains/t/0")?.revision;
    expect(world.controller.decide(0).changes[0]).toMatchObject({ key: "chains/t/0", revision });
  });

  test("changes come in portions", () => {
    const world = new ControllerWorld({ looksMax: 2 }, { partitions: 3 });
    world.up("1a 2a");
    for (let at = 0; at < 3; at += 1) world.chain("1a 2a", {}, at);
    world.down(1);
    expect(world.decide()).toMatchObject({ changes: { length: 2 }, hasMore: true });
    world.settle();
    expect([0, 1, 2].map((at) => world.show(at))).toEqual(["2 [2a]", "2 [2a]", "2 [2a]"]);
  });

  test("chains of deleted topics are forgotten", () => {
    const world = new ControllerWorld();
    world.up("1a 2a");
    world.chain("1a", { replicas: [1, 2] });
    world.image.removeChain("chains/t/0");
    world.image.removeTopic("t");
    const ask = { key: "chains/t/0", epoch: 1, from: life("1a"), joiner: life("2a") };
    world.controller.ask({ kind: "append", ...ask }, 0);
    expect(world.decide()).toMatchObject({ changes: [], hasMore: false });
  });
});
