import { assert } from "../../base/assert.ts";
import { GroupMember } from "./clients/group-member.ts";
import { Producer, type ProducerOptions } from "./clients/producer.ts";
import { Reader } from "./clients/reader.ts";
import { TopicAdmin } from "./clients/topic-admin.ts";
import { readFinal } from "./final-read.ts";
import { Nemesis } from "./nemesis.ts";
import { loadBroker, type RunReport, Scene, type SceneOptions } from "./scene.ts";

export interface SeedReport extends RunReport {
  readonly faults: ReadonlyMap<string, number>;
}

const workMs = 65_000;
/** Bits are flipped in one run of so many: damage forgives losses that are none of its doing. */
const damagedEvery = 3;

const producers: readonly ProducerOptions[] = [
  { name: "p-one", isIdempotent: true, acks: -1, inFlight: 1, pauseMsMax: 2_000 },
  { name: "p-many", isIdempotent: true, acks: -1, inFlight: 4, pauseMsMax: 3_000 },
  { name: "p-plain", isIdempotent: false, acks: -1, inFlight: 2, pauseMsMax: 2_500 },
  { name: "p-leader", isIdempotent: false, acks: 1, inFlight: 1, pauseMsMax: 2_000 },
];

/** One run: a broker, its clients and its misfortunes, all from one number. */
export async function runSeed(options: SceneOptions): Promise<SeedReport> {
  await loadBroker();
  const scene = new Scene(options);
  const nemesis = new Nemesis(scene, options.seed % damagedEvery === 0);
  try {
    await play(scene, nemesis);
  } catch (error) {
    scene.world.record({ kind: "stuck", what: (error as Error).message });
  }
  return { ...scene.report(), faults: nemesis.counts };
}

async function play(scene: Scene, nemesis: Nemesis): Promise<void> {
  const { world } = scene;
  const { clock } = world;
  const { machine } = scene;
  const admin = new TopicAdmin(world);
  await scene.pump(async () => {
    await machine.start();
    await admin.create({ durability: "fsync", hasRetention: false, isCompacted: false });
    const rules = { durability: "fsync", hasRetention: false, isCompacted: true } as const;
    await admin.create({ ...rules, deleteRetentionMs: 20_000 });
    await admin.create();
  });
  const [kept] = world.topics;
  assert(kept !== undefined, "a run begins with a topic");
  kept.isKept = true;
  const actors = [
    admin.run(),
    nemesis.run(),
    ...producers.map((one) => new Producer(world, one).run()),
    ...["r-one", "r-two"].map((name) => new Reader(world, name).run()),
    ...["m-one", "m-two"].map((name) => new GroupMember(world, name, kept).run()),
  ];
  const over = Promise.all(actors);
  // Awaited below, once the time of the work is over.
  over.catch(() => undefined);
  await clock.advance(workMs);
  world.isEnding = true;
  await scene.pump(async () => {
    await over;
    await nemesis.heal();
    await readFinal(world);
    const isInOrder = await machine.stop();
    if (!isInOrder) world.record({ kind: "stuck", what: "the broker did not stop in order" });
  });
}
