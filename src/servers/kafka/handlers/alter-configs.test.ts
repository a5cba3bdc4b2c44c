import { describe, expect, test } from "vitest";
import { callKafka } from "../../../../test/support/kafka-call.ts";
import { openTopicRig, type TopicRig } from "../../../../test/support/topic-rig.ts";
import { kafkaCode } from "../../../base/errors.ts";
import { alterConfigs } from "./alter-configs.ts";

const topic = 2;

async function replace(
  rig: TopicRig,
  values: readonly [string, string | null][],
  options: { version?: number; validateOnly?: boolean } = {},
) {
  const { version = 2, validateOnly = false } = options;
  const configs = values.map(([name, value]) => ({ name, value }));
  const resources = [{ resourceType: topic, resourceName: "a", configs }];
  const request = { resources, validateOnly };
  const answer = await callKafka("AlterConfigs", alterConfigs, request, { rig, version });
  return answer.responses[0]?.errorCode;
}

async function rigWith(configs: Record<string, string>): Promise<TopicRig> {
  const rig = await openTopicRig();
  const asked = { name: "a", partitions: 1, replicas: 1 };
  await rig.topics.create({ ...asked, configs: new Map(Object.entries(configs)) });
  return rig;
}

const ownConfigs = (rig: TopicRig) => Object.fromEntries(rig.topics.find("a")!.configs);

describe("AlterConfigs", () => {
  test.each([0, 1, 2])("version %i replaces all configs of a topic", async (version) => {
    const rig = await rigWith({ "retention.ms": "5", "segment.ms": "6" });
    expect(await replace(rig, [["flush.ms", "7"]], { version })).toBe(0);
    expect(ownConfigs(rig)).toEqual({ "flush.ms": "7" });
    expect(rig.storage.settings.get("a-0")?.["retention.ms"]).toBe(604_800_000);
  });

  test("without any config all go back to their defaults", async () => {
    const rig = await rigWith({ "retention.ms": "5" });
    expect(await replace(rig, [])).toBe(0);
    expect(ownConfigs(rig)).toEqual({});
  });

  test.each([
    ["a null value", [["flush.ms", null]], "INVALID_REQUEST"],
    [
      "a config twice",
      [
        ["flush.ms", "1"],
        ["flush.ms", "1"],
      ],
      "INVALID_REQUEST",
    ],
    ["a bad value", [["flush.ms", "-1"]], "INVALID_CONFIG"],
    ["an unknown name", [["flush", "1"]], "INVALID_CONFIG"],
  ] as const)("%s is refused and nothing changes", async (_, values, code) => {
    const rig = await rigWith({ "retention.ms": "5" });
    const copies = values.map(([name, value]): [string, string | null] => [name, value]);
    expect(await replace(rig, copies)).toBe(kafkaCode(code));
    expect(ownConfigs(rig)).toEqual({ "retention.ms": "5" });
  });

  test("only validated, nothing changes", async () => {
    const rig = await rigWith({ "retention.ms": "5" });
    expect(await replace(rig, [["flush.ms", "7"]], { validateOnly: true })).toBe(0);
    expect(ownConfigs(rig)).toEqual({ "retention.ms": "5" });
  });
});
