import { describe, expect, test } from "vitest";
import type { ChainConfig } from "../chain-config.ts";
import { cancelReassignment, reassignmentOf, withTarget } from "./reassignment.ts";

const config: ChainConfig = {
  epoch: 3,
  members: [],
  joining: [],
  leaving: [],
  unclean: 0,
  replicas: [1, 2, 3],
};
const isKnown = (id: number): boolean => id < 10;

describe("a reassignment", () => {
  test("is told as Kafka's tools tell it", () => {
    expect(reassignmentOf(config)).toBeUndefined();
    const reassigned = withTarget(config, [4, 2], isKnown);
    expect(reassignmentOf(reassigned)).toEqual({
      replicas: [4, 2, 1, 3],
      adding: [4],
      removing: [1, 3],
    });
  });

  test("begins and is cancelled within the epoch; to where it is it is none", () => {
    const reassigned = withTarget(config, [4, 2], isKnown);
    expect(reassigned.epoch).toBe(3);
    expect(cancelReassignment(reassigned)).toEqual(config);
    expect(withTarget(reassigned, [1, 2, 3], isKnown)).toEqual(config);
    const failing = () => cancelReassignment(config);
    expect(failing).toThrow(expect.objectContaining({ code: "NO_REASSIGNMENT_IN_PROGRESS" }));
  });

  test.each([[[]], [[1, 1]], [[1, 10]]])("to %j is refused", (target) => {
    const failing = () => withTarget(config, target, isKnown);
    expect(failing).toThrow(expect.objectContaining({ code: "INVALID_REPLICA_ASSIGNMENT" }));
  });
});
