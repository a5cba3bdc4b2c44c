import { describe, expect, test } from "vitest";
import { ControllerWorld, life } from "../../../test/support/controller-world.ts";
import type { ControllerOptions } from "./chain-controller.ts";

/** All had a power cut; nodes 1 and 2 are back, node 3 is as dead as its lease is not. */
function afterPowerCut(options: Partial<ControllerOptions> = {}) {
  const heard = new Set<string>();
  const isHeard: ControllerOptions["isHeard"] = ({ id, incarnation }) =>
    heard.has(`${id}${incarnation}`);
  const world = new ControllerWorld({ isHeard, ...options });
  world.up("1a 2a 3a 9a");
  world.chain("1a 2a 3a");
  world.up("1b 2b");
  return { world, heard };
}

describe("a chain of which one member is left, as its lease says", () => {
  test("is not left to that one while nothing is heard of it, and others are back", () => {
    const { world, heard } = afterPowerCut();
    heard.add("1b");
    expect(world.decide()).toMatchObject({ changes: [], probes: [3] });
    world.nowMs = 3_000;
    world.settle();
    world.down(3);
    world.settle();
    world.nowMs += 1_000;
    expect(world.settle()).toMatch(/^2 \[1b\]/);
    expect(world.reasons[0]).toBe("node 1 is back and lost nothing");
  });

  test("is cut to that one as soon as it is linked to the controller", () => {
    const { world, heard } = afterPowerCut();
    expect(world.settle()).toBe("1 [1a 2a 3a]");
    heard.add("3a");
    world.controller.linked(life("3a"));
    expect(world.settle()).toMatch(/^2 \[3a\]/);
  });

  test("is looked at again until something is heard of one that was silent for a while", () => {
    const { world, heard } = afterPowerCut();
    const { changes, wakeMs = 0 } = world.decide();
    expect([changes, wakeMs]).toEqual([[], 200]);
    heard.add("3a");
    world.nowMs = wakeMs;
    expect(world.settle()).toMatch(/^2 \[3a\]/);
  });

  test("is cut to that one when it keeps its lease for longer than a dead node can", () => {
    const { world } = afterPowerCut();
    world.settle();
    for (; world.nowMs < 4_000; world.nowMs += 200) expect(world.settle()).toMatch(/^1 /);
    expect(world.settle()).toMatch(/^2 \[3a\]/);
  });

  test("is not left to that one by a member that says itself that it is damaged", () => {
    const { world, heard } = afterPowerCut();
    world.chain("1b 3a");
    const own = { kind: "report", from: life("1b"), stalled: life("1b") } as const;
    world.ask(own);
    expect(world.settle()).toBe("1 [1b 3a]");
    heard.add("3a");
    world.controller.linked(life("3a"));
    expect(world.settle()).toMatch(/^2 \[3a\]/);
  });

  test("is waited for anew each time", () => {
    const { world } = afterPowerCut();
    world.settle();
    world.nowMs = 3_900;
    world.chain("3a 1b 2b");
    world.settle();
    world.chain("1a 2a 3a", { epoch: 2 });
    world.settle();
    world.nowMs = 4_100;
    expect(world.settle()).toBe("2 [1a 2a 3a]");
  });

  test("is cut at once by a controller that is that one", () => {
    const { world } = afterPowerCut({ selfId: 3 });
    expect(world.settle()).toMatch(/^2 \[3a\]/);
  });
});

describe("a chain of which all were down", () => {
  test("is not given to one that was back and has gone again, as its lease has not", () => {
    const { world, heard } = afterPowerCut();
    world.down(3);
    heard.add("1b");
    world.settle();
    heard.clear();
    world.nowMs = 1_000;
    expect(world.settle()).toBe("1 [1a 2a 3a]");
    world.nowMs += 200;
    heard.add("2b");
    expect(world.settle()).toMatch(/^2 \[2b\]/);
  });

  test("is given to one that nothing is heard of when it keeps its lease for long", () => {
    const { world } = afterPowerCut();
    world.down(2, 3);
    for (; world.nowMs < 5_000; world.nowMs += 200) expect(world.settle()).toMatch(/^1 /);
    expect(world.settle()).toMatch(/^2 \[1b\]/);
  });
});
