import { describe, expect, test } from "vitest";
import { ControllerWorld, life } from "../../../test/support/controller-world.ts";
import { startUnclean } from "./return-rules.ts";

/** The controller's own dials are refused, twice. */
function dials(world: ControllerWorld, suspect: string): void {
  const refusal = { suspect: life(suspect), from: life("9a") };
  world.controller.refused(refusal, world.nowMs);
  world.controller.refused(refusal, world.nowMs);
}

function open(names = "1a 2a 3a 9a"): ControllerWorld {
  const world = new ControllerWorld({}, { partitions: 2 });
  world.up(names);
  return world;
}

describe("a node whose process is gone before its lease", () => {
  test("is cut out of all its chains at once, and keeps its lease", () => {
    const world = open();
    world.chain("1a 2a 3a");
    world.chain("2a 1a", {}, 1);
    world.settle();
    dials(world, "1a");
    world.settle();
    expect([world.show(0), world.show(1)]).toEqual(["2 [2a 3a]", "2 [2a]"]);
    expect(world.reasons).toEqual(["node 1 gone before its lease", "node 1 gone before its lease"]);
  });

  test("stays where nobody else is up", () => {
    const world = open("1a 2a 9a");
    world.chain("1a 2a 3a");
    world.settle();
    dials(world, "1a");
    dials(world, "2a");
    expect(world.settle()).toBe("2 [1a 2a]");
  });

  test("that lives all the same joins again after a rest, a longer one each time", () => {
    const world = open();
    world.chain("1a 2a 3a");
    const rests: number[] = [];
    for (let times = 0; times < 3; times += 1) {
      world.settle();
      dials(world, "1a");
      world.settle();
      const cutMs = world.nowMs;
      world.controller.linked(life("1a"));
      world.controller.unlinked(life("1a"));
      world.settle();
      while (world.config().joining.length === 0) {
        world.nowMs += 100;
        world.settle();
      }
      rests.push(world.nowMs - cutMs);
      expect(world.live()).toMatch(/\[2a 3a 1a\]$/);
    }
    expect(rests).toEqual([5_000, 10_000, 20_000]);
  });

  test("rests no longer because the change was refused again and again", () => {
    const world = open();
    world.chain("1a 2a 3a");
    world.settle();
    dials(world, "1a");
    for (let times = 0; times < 5; times += 1) {
      expect(world.controller.decide(world.nowMs).changes).toHaveLength(1);
      world.controller.retry("chains/t/0");
    }
    expect(world.settle()).toBe("2 [2a 3a]");
    world.controller.linked(life("1a"));
    world.controller.unlinked(life("1a"));
    world.nowMs += 5_000;
    expect(world.settle()).toBe("2 [2a 3a] joining 1a");
  });

  test("is not named as long as it is told to be gone, and is when nobody says so any more", () => {
    const world = open();
    world.chain("1a 2a 3a");
    world.settle();
    for (; world.nowMs < 20_000; world.nowMs += 1_000) {
      dials(world, "1a");
      expect(world.settle()).toBe("2 [2a 3a]");
    }
    world.nowMs += 5_000;
    expect(world.settle()).toBe("2 [2a 3a] joining 1a");
  });

  test("joins without a rest in its next life", () => {
    const world = open();
    world.chain("1a 2a 3a");
    world.settle();
    dials(world, "1a");
    world.settle();
    world.up("1b");
    expect(world.settle()).toBe("2 [2a 3a] joining 1b");
  });

  test("joins no more, and is not appended", () => {
    const world = open();
    world.chain("1a", { replicas: [1, 2] });
    expect(world.settle()).toBe("1 [1a] joining 2a");
    world.askAppend(life("2a"));
    dials(world, "2a");
    expect(world.settle()).toBe("2 [1a]");
  });
});

describe("whether all are down", () => {
  test("its lease alone tells: who comes back is not the chain while one is leased", () => {
    const world = open("1a 9a");
    world.chain("1a 2a");
    dials(world, "1a");
    world.settle();
    world.up("2b");
    world.nowMs += 4_000;
    expect(world.settle()).toBe("1 [1a 2a]");
    world.down(1);
    world.settle();
    world.nowMs += 1_000;
    expect(world.settle()).toBe("2 [2b]");
  });

  test("no unclean start is made while one that seems gone is leased", () => {
    const world = open("1a 3a 9a");
    world.chain("1a");
    world.settle();
    dials(world, "1a");
    world.settle();
    const topic = { ...world.image.findTopic("chains/t/0")!, allowsUnclean: true };
    const chain = world.image.findChain("chains/t/0")!;
    const end = { from: life("3a"), lastEpoch: 1 };
    const start = () => startUnclean(chain, end, { leased: world.image.leased, topic });
    expect(start).toThrow(/a member of chains\/t\/0 is up/);
  });
});

test("a head that one controller has leave for the preferred one leaves under the next too", () => {
  const world = new ControllerWorld();
  world.up("1a 2a");
  world.chain("1a 2a", { replicas: [2, 1], leaving: [1] });
  expect(world.settle()).toBe("1 [1a 2a] leaving 1");
  expect(world.live()).toMatch(/\[2a 1a\]$/);
});
