import { describe, expect, test } from "vitest";
import { openTopicRig, type TopicRig } from "../../../test/support/topic-rig.ts";
import { describeConfigs } from "../configs/config-resource.ts";
import { changeConfigs } from "../configs/alter-resource-configs.ts";
import type { ConfigChange } from "../configs/change-configs.ts";
import type { Topic } from "../topics/topics.ts";
import { bucketNameOf } from "./bucket-name.ts";
import { configureBucket, createBucket, describeBucket } from "./change-bucket.ts";

const set = (name: string, value: string): ConfigChange => ({ name, operation: "set", value });
const unset = (name: string): ConfigChange => ({ name, operation: "delete", value: null });
const configs = (own: Readonly<Record<string, string>>) => new Map(Object.entries(own));
const code = (wanted: string) => expect.objectContaining({ code: wanted }) as Error;

function create(rig: TopicRig, name: string, own: Readonly<Record<string, string>> = {}) {
  return rig.topics.create({ name, partitions: 1, replicas: -1, configs: configs(own) });
}

function shown(rig: TopicRig, topic: string, name: string) {
  const all = describeConfigs({ kind: "topic", name: topic }, rig);
  const found = all.find((config) => config.name === name)!;
  return { value: found.value, source: found.source, synonyms: found.synonyms };
}

describe("a bucket", () => {
  test("gives its configs to topics of its name, old and new, up to the first dot", async () => {
    const rig = await openTopicRig();
    const before = await create(rig, "com.before");
    const others = [
      await create(rig, "com"),
      await create(rig, "comb.x"),
      await create(rig, "x.com"),
    ];
    const retentionOf = (topic: Topic): number => topic.settings["retention.ms"];
    expect(retentionOf(before)).toBe(604_800_000);
    await createBucket(rig, "com", configs({ "retention.ms": "1000" }));
    const after = await create(rig, "com.acme.orders");
    const auto = await rig.topics.autoCreate("com.auto");
    expect([before, after, auto].map(retentionOf)).toEqual([1_000, 1_000, 1_000]);
    expect(rig.storage.settings.get("com.before-0")!["retention.ms"]).toBe(1_000);
    expect(others.map(retentionOf)).toEqual(others.map(() => 604_800_000));
    await create(rig, "acme.orders");
    await createBucket(rig, "acme", new Map());
    expect(describeBucket(rig, "com").topics).toBe(3);
    expect(describeBucket(rig, "acme").topics).toBe(1);
  });

  test("stands between the node's defaults and a topic's own configs, live and shown", async () => {
    const rig = await openTopicRig({ "log.retention.ms": "5000" });
    const topic = await create(rig, "com.orders");
    const live = (): number => topic.settings["retention.ms"];
    await createBucket(rig, "com", configs({ "retention.ms": "1000" }));
    const node = [
      { name: "log.retention.ms", value: "5000", source: "static" },
      { name: "log.retention.hours", value: "168", source: "default" },
    ];
    const bucket = { name: "bucket.com.retention.ms", value: "1000", source: "bucket" };
    expect(shown(rig, "com.orders", "retention.ms")).toEqual({
      value: "1000",
      source: "bucket",
      synonyms: [bucket, ...node],
    });
    await changeConfigs(rig, { kind: "topic", name: "com.orders" }, [set("retention.ms", "7")], {
      validateOnly: false,
    });
    expect([live(), shown(rig, "com.orders", "retention.ms")]).toEqual([
      7,
      {
        value: "7",
        source: "topic",
        synonyms: [{ name: "retention.ms", value: "7", source: "topic" }, bucket, ...node],
      },
    ]);
    await rig.topics.configure("com.orders", () => new Map());
    await configureBucket(rig, "com", [set("retention.ms", "2000")]);
    expect(live()).toBe(2_000);
    await configureBucket(rig, "com", [unset("retention.ms")]);
    expect([live(), shown(rig, "com.orders", "retention.ms").source]).toEqual([5_000, "static"]);
  });

  test("is there after a restart with all it was told, empty ones as well", async () => {
    const rig = await openTopicRig();
    await createBucket(rig, "com", configs({ "retention.ms": "1000" }));
    await createBucket(rig, "none", new Map());
    await configureBucket(rig, "com", [set("bucket.retention.bytes", "160000000")]);
    await create(rig, "com.orders", { "retention.bytes": "9" });
    const again = await rig.restart();
    expect(again.configs.buckets.list().map(({ name }) => name)).toEqual(["com", "none"]);
    const { settings } = again.topics.find("com.orders")!;
    expect(settings).toMatchObject({
      "retention.ms": 1_000,
      "retention.bytes": 9,
      "segment.bytes": 10_000_000,
    });
    expect(describeBucket(again, "com").configs).toEqual({
      "retention.ms": "1000",
      "bucket.retention.bytes": "160000000",
    });
  });

  test("with a budget has segments that fit it, unless somebody says otherwise", async () => {
    const rig = await openTopicRig();
    const topic = await create(rig, "com.orders");
    const segmentBytes = (): number => topic.settings["segment.bytes"];
    await createBucket(rig, "com", configs({ "bucket.retention.bytes": "1000" }));
    expect(segmentBytes()).toBe(1_048_576);
    await configureBucket(rig, "com", [set("bucket.retention.bytes", "1000000000000")]);
    expect(segmentBytes()).toBe(1_073_741_824);
    await configureBucket(rig, "com", [set("bucket.retention.bytes", "32000000")]);
    expect(shown(rig, "com.orders", "segment.bytes").source).toBe("bucket");
    await configureBucket(rig, "com", [set("segment.bytes", "5000000")]);
    expect(segmentBytes()).toBe(5_000_000);
    await configureBucket(rig, "com", [unset("segment.bytes"), unset("bucket.retention.bytes")]);
    expect(segmentBytes()).toBe(1_073_741_824);
  });

  test("is refused when it is there, is named badly, or is one too many", async () => {
    const rig = await openTopicRig({ "buckets.max": "2" });
    await createBucket(rig, "com", new Map());
    await expect(createBucket(rig, "com", new Map())).rejects.toEqual(code("DUPLICATE_RESOURCE"));
    for (const name of ["", "a.b", "a b", "a/b", "..", "é", "x".repeat(121)]) {
      await expect(createBucket(rig, name, new Map())).rejects.toEqual(code("INVALID_REQUEST"));
    }
    await createBucket(rig, "x".repeat(120), new Map());
    await expect(createBucket(rig, "more", new Map())).rejects.toEqual(code("POLICY_VIOLATION"));
    const nobody = configureBucket(rig, "more", [set("retention.ms", "1")]);
    await expect(nobody).rejects.toEqual(code("RESOURCE_NOT_FOUND"));
  });

  test("refuses configs that are none, or that a topic of it can not go with", async () => {
    const rig = await openTopicRig();
    await create(rig, "com.orders", { "max.compaction.lag.ms": "5" });
    await createBucket(rig, "com", new Map());
    for (const change of [
      set("no.such", "1"),
      set("retention.ms", "x"),
      set("bucket.retention.bytes", "-2"),
      set("segment.bytes", "1"),
      set("min.compaction.lag.ms", "6"),
    ]) {
      await expect(configureBucket(rig, "com", [change])).rejects.toEqual(code("INVALID_CONFIG"));
    }
    const own = configs({ "bucket.retention.bytes": "1" });
    const asked = { name: "com.x", partitions: 1, replicas: -1, configs: own };
    await expect(rig.topics.create(asked)).rejects.toEqual(code("INVALID_CONFIG"));
    expect(describeBucket(rig, "com").configs).toEqual({});
    await configureBucket(rig, "com", [set("min.compaction.lag.ms", "5")]);
    const crossing = create(rig, "com.y", { "max.compaction.lag.ms": "4" });
    await expect(crossing).rejects.toEqual(code("INVALID_CONFIG"));
  });

  test("is named before the first dot that has something on both sides", () => {
    const names = ["a", "a.b", "a.b.c", ".a", "a.", "", "a..b"].map(bucketNameOf);
    expect(names).toEqual([undefined, "a", "a", undefined, undefined, undefined, "a"]);
  });
});
