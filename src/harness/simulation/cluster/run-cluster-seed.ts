import { assert } from "../../../base/assert.ts";
import { Cancellation } from "../../../broker/ports/compactor.ts";
import { ConfigChanger, lowerInsync } from "../clients/config-changer.ts";
import { GroupMember } from "../clients/group-member.ts";
import { Producer, type ProducerOptions } from "../clients/producer.ts";
import { Reader } from "../clients/reader.ts";
import { Reassigner } from "../clients/reassigner.ts";
import { TopicAdmin } from "../clients/topic-admin.ts";
import { readFinal } from "../final-read.ts";
import type { SeedReport } from "../run-seed.ts";
import { ClusterScene, type ClusterSceneOptions } from "./cluster-scene.ts";
import { ClusterNemesis } from "./cluster-nemesis.ts";
import { DoorClient } from "./door-client.ts";
import { findLeftovers, noteReplicas } from "./note-replicas.ts";
import { untilWhole } from "./until-whole.ts";

const workMs = 65_000;
const settleMs = 2_000;
/** What was found is mended within this time: a write from before the heal may be waited for. */
const mendMsMax = 10_000;
/** While code is loaded, in real time, virtual time is not to run away. */
const loadingPauseMs = 2;

const producers: readonly ProducerOptions[] = [
  { name: "p-one", isIdempotent: true, acks: -1, inFlight: 1, pauseMsMax: 1_000 },
  { name: "p-many", isIdempotent: true, acks: -1, inFlight: 4, pauseMsMax: 1_500 },
  { name: "p-plain", isIdempotent: false, acks: -1, inFlight: 2, pauseMsMax: 2_000 },
  {
    name: "p-leader",
    isIdempotent: false,
    inFlight: 1,
    pauseMsMax: 1_500,
    acks: 1,
    isOfHeadAlone: true,
  },
  { name: "p-silent", isIdempotent: false, acks: 0, inFlight: 1, pauseMsMax: 3_000 },
];

/** Of topics with three replicas. */
const minInsyncReplicas = [1, 1, 2];

/** One run: a cluster, its clients and its misfortunes, all from one number. */
export async function runClusterSeed(options: ClusterSceneOptions): Promise<SeedReport> {
  await loadCluster();
  const scene = new ClusterScene(options);
  const nemesis = new ClusterNemesis(scene);
  try {
    await play(scene, nemesis);
  } catch (error) {
    scene.world.record({ kind: "stuck", what: (error as Error).message });
  }
  return { ...scene.report(), faults: nemesis.counts };
}

let loaded: Promise<void> | undefined;

/** Loads the code that a node loads late, once: loading takes real time, which no seed knows of. */
function loadCluster(): Promise<void> {
  loaded ??= loadOnce();
  return loaded;
}

async function loadOnce(): Promise<void> {
  const scene = new ClusterScene({ seed: 0 });
  const stopAll = (): Promise<unknown> =>
    Promise.all(scene.nodes.map(({ machine }) => machine.stop()));
  let isDone = false;
  const working = startAll(scene)
    .then(stopAll)
    .finally(() => (isDone = true));
  while (!isDone) {
    await scene.clock.advance(loadingPauseMs);
    await new Promise((resolve) => setTimeout(resolve, loadingPauseMs));
  }
  await working;
}

async function startAll({ nodes, play }: ClusterScene): Promise<void> {
  await Promise.all(nodes.slice(0, play.founderCount).map(({ machine }) => machine.start()));
}

/** Rot that nobody has read yet is found, and heals. */
async function scrubAll({ world, nodes, chains }: ClusterScene): Promise<void> {
  const watch = { cancellation: new Cancellation(), progress: () => undefined };
  for (const { process } of nodes) await process?.broker?.scrubbing.run(undefined, watch);
  for (let passedMs = 0; passedMs < mendMsMax; passedMs += settleMs) {
    await world.sleep(settleMs);
    if (!chains.rots.areLeft) return;
  }
}

async function play(scene: ClusterScene, nemesis: ClusterNemesis): Promise<void> {
  const { world, clock } = scene;
  const admin = new TopicAdmin(world, { minInsyncReplicas });
  await scene.pump(async () => {
    await startAll(scene);
    await admin.create({ durability: "fsync", hasRetention: false, isCompacted: false });
    await admin.create();
  });
  const [kept] = world.topics;
  assert(kept !== undefined, "a run begins with a topic");
  kept.isKept = true;
  const actors = [
    admin.run(),
    new ConfigChanger(world).run(),
    nemesis.run(),
    ...producers.map((one) => new Producer(world, one).run()),
    ...["r-one", "r-two", "r-three"].map((name) =>
      new Reader(world, name, { asksLatest: true }).run(),
    ),
    ...["m-one", "m-two"].map((name) => new GroupMember(world, name, kept).run()),
  ];
  const ids = scene.nodes.map(({ id }) => id);
  if (scene.play.hasDoors) {
    const { nodes } = scene;
    for (const name of ["d-one", "d-two"]) {
      actors.push(new DoorClient(world, { name, nodes, topic: kept }).run());
    }
  }
  if (scene.play.hasReassigner) actors.push(new Reassigner(world, ids).run());
  const over = Promise.all(actors);
  // Awaited below, once the time of the work is over.
  over.catch(() => undefined);
  await clock.advance(workMs);
  world.isEnding = true;
  await scene.pump(async () => {
    await over;
    await nemesis.heal();
    await untilWhole(scene);
    await lowerInsync(world, scene.chains.shortOfReplicas);
    nemesis.rotAtRest();
    await scrubAll(scene);
    await untilWhole(scene);
    const waiting = [...scene.chains.chains.keys()].filter((key) => scene.chains.waitsForHand(key));
    // What nobody judges any more is counted, that it stays little.
    nemesis.counts.set("left to a hand", waiting.length);
    await readFinal(world, (key) => waiting.includes(key));
    await world.sleep(settleMs);
    noteReplicas(scene);
    for (const what of findLeftovers(scene)) world.record({ kind: "stuck", what });
    for (const { machine, name } of scene.nodes) {
      const isInOrder = await machine.stop();
      if (!isInOrder) world.record({ kind: "stuck", what: `${name} did not stop in order` });
    }
  });
}
