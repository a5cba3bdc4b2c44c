import { describe, expect, test } from "vitest";
import { formatChainConfig, parseChainConfig, roleOf, type ChainConfig } from "./chain-config.ts";

const member = (id: number, incarnation = `life-${id}`) => ({ id, incarnation, lineage: `l${id}` });
const config: ChainConfig = {
  epoch: 7,
  members: [member(1), member(2), member(3)],
  joining: [member(4)],
  leaving: [1],
  unclean: 0,
  replicas: [1, 2, 3],
};

describe("a chain at the coordinator", () => {
  test("is read as it was written, reassigned or not", () => {
    expect(parseChainConfig("k", formatChainConfig(config))).toEqual(config);
    const reassigned = { ...config, target: [2, 3, 4] };
    expect(parseChainConfig("k", formatChainConfig(reassigned))).toEqual(reassigned);
  });

  test.each(["{}", '{"epoch":-1}', formatChainConfig(config).replace('"l1"', "1")])(
    "that is not our writing stops who reads it: %s",
    (text) => {
      expect(() => parseChainConfig("k", text)).toThrow("not one of ours");
    },
  );

  test("says what a node is in it; the same node restarted is nothing", () => {
    const roles = [1, 2, 3, 4, 5].map((id) => roleOf(config, member(id)));
    expect(roles).toEqual(["head", "middle", "tail", "joiner", "outsider"]);
    expect(roleOf(config, member(1, "another"))).toBe("outsider");
    expect(roleOf({ ...config, members: [member(2)] }, member(2))).toBe("solo");
  });
});
