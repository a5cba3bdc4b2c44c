import { expect, test } from "vitest";
import { ControllerWorld, life } from "../../../test/support/controller-world.ts";

test("who can not open its log is not the chain, and who comes later is asked first", () => {
  const world = new ControllerWorld();
  const key = "chains/t/0";
  const tellUnopened = (name: string): void =>
    world.controller.tell({
      key,
      from: life(name),
      lastEpoch: -1,
      endOffset: 0,
      isUnopened: true,
    });
  world.chain("1a 2a 3a");
  world.up("1b");
  world.settle();
  tellUnopened("1b");
  world.nowMs = 60_000;
  expect(world.settle()).toBe("1 [1a 2a 3a]");
  const why = "nodes 1 are up and can not open their logs";
  expect([...world.controller.stuck.values()]).toEqual([why]);
  world.up("3b");
  expect(world.decide().questions).toContainEqual({ nodeId: 3, keys: [key] });
  tellUnopened("3b");
  world.nowMs = 120_000;
  expect(world.settle()).toBe("1 [1a 2a 3a]");
  world.up("2b");
  world.settle();
  world.controller.tell({ key, from: life("2b"), lastEpoch: 1, endOffset: 7 });
  world.nowMs = 121_000;
  expect(world.settle()).toMatch(/^2 \[2b\]/);
});
