import { describe, expect, test } from "vitest";
import { withoutTarget } from "../placement/reassignment.ts";
import { ControllerWorld, life } from "../../../test/support/controller-world.ts";

describe("a reassigned chain", () => {
  test("takes the replacement in first; then the head hands over and is cut", () => {
    const world = new ControllerWorld();
    world.up("1a 2a 3a");
    world.chain("1a 2a", { target: [2, 3] });
    expect(world.settle()).toBe("1 [1a 2a] joining 3a");
    world.askAppend(life("3a"));
    expect(world.settle()).toBe("3 [1a 2a 3a] leaving 1");
    world.askHandOver();
    expect(world.settle()).toBe("4 [2a 3a]");
    expect(world.config()).toEqual(expect.objectContaining({ replicas: [2, 3] }));
    expect(world.config().target).toBeUndefined();
  });

  test("cuts members that are no head at once", () => {
    const world = new ControllerWorld();
    world.up("1a 2a 3a");
    world.chain("1a 2a 3a", { target: [1] });
    expect(world.settle()).toBe("3 [1a]");
    expect(world.config().replicas).toEqual([1]);
  });

  test("keeps who is to go while who is to come is down", () => {
    const world = new ControllerWorld();
    world.up("1a 2a");
    world.chain("1a 2a", { target: [2, 3] });
    expect(world.settle()).toBe("1 [1a 2a]");
    world.up("3a");
    expect(world.live()).toBe("4 [2a 3a]");
  });

  test("goes back when it is cancelled, head and joiner included", () => {
    const world = new ControllerWorld();
    world.up("1a 2a 3a");
    world.chain("1a 2a", { target: [3] });
    world.settle();
    world.set(0, withoutTarget(world.config()));
    expect(world.settle()).toBe("2 [1a 2a]");
    world.chain("1a 3a", { replicas: [3], leaving: [1], epoch: 5 });
    world.settle();
    world.set(0, { ...world.config(), replicas: [1, 3] });
    expect(world.settle()).toBe("6 [1a 3a]");
  });

  test("a head that takes too long to hand over is cut", () => {
    const world = new ControllerWorld();
    world.up("1a 2a");
    world.chain("1a 2a", { replicas: [2] });
    expect(world.settle()).toBe("2 [1a 2a] leaving 1");
    world.nowMs = 9_999;
    expect(world.settle()).toBe("2 [1a 2a] leaving 1");
    world.nowMs = 10_000;
    expect(world.settle()).toBe("3 [2a]");
  });

  test("an older epoch's hand-over does not count", () => {
    const world = new ControllerWorld();
    world.up("1a 2a");
    world.chain("1a 2a", { replicas: [2] });
    world.ask({ kind: "handOver", from: life("1a") });
    expect(world.settle()).toBe("2 [1a 2a] leaving 1");
  });

  test("a head that leaves stays when its successor is gone: nobody else takes writes", () => {
    const world = new ControllerWorld();
    world.up("1a 2a");
    world.chain("1a 2a", { replicas: [2] });
    world.settle();
    world.down(2);
    expect(world.settle()).toBe("3 [1a]");
  });
});

describe("a node that is about to stop", () => {
  test("is cut, as a head after it handed over, and is not named until it is back", () => {
    const world = new ControllerWorld({}, { partitions: 2 });
    world.up("1a 2a");
    world.chain("1a 2a", {}, 0);
    world.chain("2a 1a", {}, 1);
    world.settle();
    world.up("1a", { isDraining: true });
    world.settle();
    expect([0, 1].map((at) => world.show(at))).toEqual(["2 [1a 2a] leaving 1", "2 [2a]"]);
    expect([0, 1].map((at) => world.live(at))).toEqual(["3 [2a]", "2 [2a]"]);
    world.up("1b");
    expect([0, 1].map((at) => world.live(at))).toEqual(["4 [2a 1b]", "3 [2a 1b]"]);
  });

  test("stays as long as min.insync.replicas needs it, and so does the only one", () => {
    const world = new ControllerWorld({}, { minInsyncReplicas: 2, partitions: 2 });
    world.up("1a 2a");
    world.up("1a 2a", { isDraining: true });
    world.chain("1a 2a", {}, 0);
    world.chain("1a", {}, 1);
    world.settle();
    expect([0, 1].map((at) => world.show(at))).toEqual(["1 [1a 2a]", "1 [1a]"]);
  });
});

describe("a node that has no room", () => {
  const full = { isFull: true };

  test("hands over what it leads, and is a replica of it as long as it needs no room", () => {
    const world = new ControllerWorld();
    world.up("1a 2a 3a");
    world.chain("1a 2a 3a");
    world.settle();
    world.up("1a", full);
    expect(world.settle()).toBe("2 [1a 2a 3a] leaving 1");
    expect(world.live()).toBe("4 [2a 3a 1a]");
    world.controller.prefer("chains/t/0");
    expect(world.live()).toBe("4 [2a 3a 1a]");
    world.nowMs += 1_000_000;
    expect(world.live()).toBe("4 [2a 3a 1a]");
    world.up("1a", { isFull: false });
    world.controller.prefer("chains/t/0");
    expect(world.live()).toMatch(/ \[1a 2a 3a\]$/);
  });

  test("leads on where no other has room, or too few would be left", () => {
    const world = new ControllerWorld({}, { minInsyncReplicas: 2, partitions: 2 });
    world.up("1a 2a 3a", full);
    world.chain("1a 2a 3a", {}, 0);
    world.chain("1a 2a", { replicas: [1, 2] }, 1);
    world.settle();
    world.up("2a");
    world.settle();
    expect([0, 1].map((at) => world.live(at))[1]).toBe("1 [1a 2a]");
    expect(world.show(0)).toMatch(/ \[2a 3a 1a\]$/);
    world.up("2a", full);
    expect(world.live()).toMatch(/ \[2a 3a 1a\]$/);
  });

  test("is cut as soon as it says so, and comes back once it has room", () => {
    const world = new ControllerWorld();
    world.up("1a 2a 3a");
    world.chain("1a 2a 3a");
    world.settle();
    world.up("3a", full);
    world.settle();
    expect(world.show()).toBe("1 [1a 2a 3a]");
    world.ask({ kind: "report", from: life("3a"), stalled: life("3a") });
    expect(world.settle()).toBe("2 [1a 2a]");
    world.nowMs += 1_000_000;
    expect(world.settle()).toBe("2 [1a 2a]");
    world.up("3a", { isFull: false });
    expect(world.settle()).toBe("2 [1a 2a] joining 3a");
  });
});

describe("the preferred head", () => {
  test("is brought back when asked for: those ahead of it go round to the tail", () => {
    const world = new ControllerWorld();
    world.up("1a 2a 3a");
    world.chain("2a 3a 1a", { replicas: [1, 2, 3] });
    expect(world.settle()).toBe("1 [2a 3a 1a]");
    world.controller.prefer("chains/t/0");
    expect(world.live()).toBe("7 [1a 2a 3a]");
  });

  test("comes back by itself after a while, some chains at a time", () => {
    const options = { headsAtOnceMax: 1, preferredAfterMs: 60_000 };
    const world = new ControllerWorld(options, { partitions: 2 });
    world.up("1a 2a");
    for (const at of [0, 1]) world.chain("2a 1a", { replicas: [1, 2] }, at);
    world.settle();
    world.nowMs = 60_000;
    world.settle();
    const show = (): string[] => [0, 1].map((at) => world.show(at));
    expect(show()).toEqual(["2 [2a 1a] leaving 2", "1 [2a 1a]"]);
    world.live(0);
    expect(show()).toEqual(["4 [1a 2a]", "2 [2a 1a] leaving 2"]);
    world.live(1);
    expect(show()).toEqual(["4 [1a 2a]", "4 [1a 2a]"]);
  });

  test("waits while a replica is missing", () => {
    const world = new ControllerWorld({ headsAtOnceMax: 9, preferredAfterMs: 0 });
    world.up("1a 2a");
    world.chain("2a 1a", { replicas: [1, 2, 3] });
    expect(world.settle()).toBe("1 [2a 1a]");
  });

  test.each([0, 9])(
    "waits where min.insync.replicas would be missed, %i at once",
    (headsAtOnceMax) => {
      const options = { headsAtOnceMax, preferredAfterMs: 0 };
      const world = new ControllerWorld(options, { minInsyncReplicas: 2 });
      world.up("1a 2a");
      world.chain("2a 1a", { replicas: [1, 2] });
      world.controller.prefer("chains/t/0");
      expect(world.settle()).toBe("1 [2a 1a]");
    },
  );

  test("is forgotten when a replica goes down halfway, and waits anew", () => {
    const world = new ControllerWorld({ headsAtOnceMax: 1, preferredAfterMs: 60_000 });
    world.up("1a 2a 3a");
    world.chain("2a 1a 3a", { replicas: [1, 2, 3] });
    world.settle();
    world.nowMs = 60_000;
    expect(world.settle()).toBe("2 [2a 1a 3a] leaving 2");
    world.down(3);
    expect(world.settle()).toBe("4 [2a 1a]");
    world.up("3b");
    expect(world.live()).toBe("5 [2a 1a 3b]");
    world.nowMs = 120_000;
    expect(world.live()).toBe("8 [1a 3b 2a]");
  });
});

describe("a topic with replicas=all", () => {
  const seat = (id: number) => ({ id, rack: "", weight: 1, state: "valid" as const });

  test("is on every node with a seat, those that come later too, and leaves with the seat", () => {
    const world = new ControllerWorld({}, { isEverywhere: true });
    world.image.setSeats([seat(1), seat(2)]);
    world.up("1a 2a");
    world.chain("1a");
    expect(world.live()).toBe("2 [1a 2a]");
    expect(world.config().replicas).toEqual([1, 2]);
    world.up("3a");
    expect(world.live()).toBe("2 [1a 2a]");
    world.image.setSeats([seat(1), seat(2), seat(3)]);
    expect(world.live()).toBe("3 [1a 2a 3a]");
    const leaving = { ...seat(1), state: "leaving" as const };
    world.image.setSeats([leaving, seat(2), seat(3)]);
    expect(world.live()).toBe("3 [1a 2a 3a]");
    world.image.setSeats([{ ...leaving, isReleased: true }, seat(2), seat(3)]);
    expect(world.live()).toBe("5 [2a 3a]");
    expect(world.config().replicas).toEqual([2, 3]);
  });
});
