import { assert } from "../../base/assert.ts";
import { GroupMember } from "./clients/group-member.ts";
import { Producer, type ProducerOptions } from "./clients/producer.ts";
import { Reader } from "./clients/reader.ts";
import { TopicAdmin } from "./clients/topic-admin.ts";
import { readFinal } from "./final-read.ts";
import { loadBroker, type RunReport, Scene, type SceneOptions } from "./scene.ts";

export const crashKinds = ["kill before", "kill after", "power before", "power after"] as const;

export type CrashKind = (typeof crashKinds)[number];

export interface CrashPoint {
  /** The disk's operation at which it happens, from 1; past the last one: it does not happen. */
  readonly operation: number;
  /** A write that is killed before it is done may have come a part of its way. */
  readonly kind: CrashKind;
}

export interface CrashReport extends RunReport {
  /** How many disk operations there were. */
  readonly operationCount: number;
}

const workMs = 9_000;
const downMs = 20;

const producers: readonly ProducerOptions[] = [
  { name: "p-one", isIdempotent: true, acks: -1, inFlight: 1, pauseMsMax: 700 },
  { name: "p-many", isIdempotent: true, acks: -1, inFlight: 4, pauseMsMax: 900 },
  { name: "p-plain", isIdempotent: false, acks: 1, inFlight: 2, pauseMsMax: 900 },
];

/** So that passes are in the short life. */
const soonCompacted = {
  "internal.segment.bytes": "1500",
  "min.cleanable.dirty.ratio": "0.01",
  "min.compaction.lag.ms": "0",
};

/**
 * A short life of a broker, from its first start over rolls, deletions and topics that come and go
 * to a stop in order, a second start and a last look, in which the machine dies once, at the given
 * operation of its disk.
 */
export async function runCrashPoint(
  options: SceneOptions,
  { operation, kind }: CrashPoint,
): Promise<CrashReport> {
  await loadBroker();
  const scene = new Scene(options);
  const { world, faults, machine } = scene;
  let recovered: Promise<void> = Promise.resolve();
  faults.crashAt(operation, kind.endsWith("before") ? "before" : "after", () => {
    world.tell("nemesis", `${kind} operation ${operation}`);
    if (kind.startsWith("power")) world.record({ kind: "unsyncedLost" });
    if (kind.startsWith("power")) machine.cutPower();
    else machine.kill();
    recovered = machine.sleep(downMs).then(() => machine.start());
  });
  await play(scene, () => recovered);
  return { ...scene.report(), operationCount: faults.operationCount };
}

async function play(scene: Scene, recovered: () => Promise<void>): Promise<void> {
  const { world } = scene;
  const { clock } = world;
  const { machine } = scene;
  const admin = new TopicAdmin(world, { pauseMsMax: 500 });
  await scene.pump(async () => {
    await machine.start();
    await recovered();
    await admin.create({ durability: "fsync", hasRetention: false, isCompacted: false });
    await admin.create({ durability: "fsync", hasRetention: true, isCompacted: false });
    const rules = { durability: "fsync", hasRetention: false, isCompacted: true } as const;
    await admin.create({ ...rules, deleteRetentionMs: 1_000 }, soonCompacted);
    for (const topic of world.topics) topic.isKept = topic.rules.isCompacted;
  });
  const kept = world.topics.find(({ isKept }) => isKept);
  assert(kept !== undefined, "a short life begins with a topic that stays");
  const readers = [new Reader(world, "r-one"), new GroupMember(world, "m-one", kept)];
  const actors = [admin.run(), ...readers.map((one) => one.run())];
  actors.push(...producers.map((one) => new Producer(world, one).run()));
  const over = Promise.all(actors);
  await clock.advance(workMs);
  world.isEnding = true;
  await scene.pump(async () => {
    await over;
    await recovered();
    await machine.stop();
    await recovered();
    if (machine.process === undefined) await machine.start();
    await recovered();
    await readFinal(world);
  });
}
