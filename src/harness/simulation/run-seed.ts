import { defaultNodeSettings, type NodeSettings } from "../../base/settings/node-settings.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import { Producer, type ProducerOptions } from "./clients/producer.ts";
import { Reader } from "./clients/reader.ts";
import { TopicAdmin } from "./clients/topic-admin.ts";
import { checkHistory, type Complaint } from "./checkers/check-history.ts";
import { DiskFaults } from "./disk-faults.ts";
import { readFinal } from "./final-read.ts";
import type { HistoryEvent } from "./history.ts";
import { Machine, type Plants } from "./machine.ts";
import { Nemesis } from "./nemesis.ts";
import { Trace } from "./trace.ts";
import { forkRandom, World } from "./world.ts";

export interface SeedOptions {
  readonly seed: number;
  /** Lines of the trace that are kept: the last ones. */
  readonly eventsMax?: number;
  readonly plants?: Plants;
}

export interface SeedReport {
  readonly seed: number;
  readonly complaints: readonly Complaint[];
  readonly traceHash: string;
  readonly lines: readonly string[];
  readonly requestCount: number;
  readonly virtualMs: number;
  readonly faults: ReadonlyMap<string, number>;
  /** What was looked at, by checker. */
  readonly checked: ReadonlyMap<string, number>;
  readonly history: readonly HistoryEvent[];
}

const workMs = 65_000;
/** All that is left to do after the faults takes at most so long. */
const endingMsMax = 900_000;
const pumpMs = 50;
/** Turns of the event loop after each alarm in which what it set off gets done. */
const turnsPerAlarm = 1;

const settings: NodeSettings = {
  ...defaultNodeSettings,
  "offsets.topic.num.partitions": 2,
  "group.initial.rebalance.delay.ms": 100,
  "log.checkpoint.interval.ms": 2_000,
  "log.retention.check.interval.ms": 5_000,
  "connections.max.idle.ms": 30_000,
  "auto.create.topics.enable": false,
};

const producers: readonly ProducerOptions[] = [
  { name: "p-one", isIdempotent: true, acks: -1, inFlight: 1, pauseMsMax: 2_000 },
  { name: "p-many", isIdempotent: true, acks: -1, inFlight: 4, pauseMsMax: 3_000 },
  { name: "p-plain", isIdempotent: false, acks: -1, inFlight: 2, pauseMsMax: 2_500 },
  { name: "p-leader", isIdempotent: false, acks: 1, inFlight: 1, pauseMsMax: 2_000 },
];

/** One run: a broker, its clients and its misfortunes, all from one number. */
export async function runSeed(options: SeedOptions): Promise<SeedReport> {
  const { seed } = options;
  const clock = new VirtualClock({ settle });
  const trace = new Trace(() => clock.monotonicMs(), options.eventsMax ?? 50);
  const errors: string[] = [];
  const faults = new DiskFaults(clock, forkRandom(seed, "disk"), trace);
  const machine = new Machine({
    clock,
    random: forkRandom(seed, "machine"),
    settings,
    log: trace.log((text) => errors.push(text)),
    disk: new SimulatedDisk({ nowMs: () => clock.nowMs() }),
    prepare: (disk) => faults.hangOn(disk),
    onEvent: (what) => trace.add("machine", what),
    plants: options.plants ?? {},
  });
  const world = new World({ seed, clock, machine, trace });
  faults.onLost = () => world.record({ kind: "unsyncedLost" });
  const nemesis = new Nemesis(world, faults, seed % 3 === 0);
  await play(world, nemesis);
  const { complaints, checked } = checkHistory(world.history, errors);
  return {
    seed,
    complaints,
    traceHash: trace.hash,
    lines: trace.lines,
    requestCount: world.requestCount,
    virtualMs: clock.monotonicMs(),
    faults: nemesis.counts,
    checked,
    history: world.history,
  };
}

async function play(world: World, nemesis: Nemesis): Promise<void> {
  const admin = new TopicAdmin(world);
  const { clock, machine } = world;
  await pump(world, async () => {
    await machine.start();
    await admin.create({ durability: "fsync", hasRetention: false, isCompacted: false });
    await admin.create();
  });
  const actors = [
    admin.run(),
    nemesis.run(),
    ...producers.map((one) => new Producer(world, one).run()),
    ...["r-one", "r-two"].map((name) => new Reader(world, name).run()),
  ];
  const over = Promise.all(actors);
  await clock.advance(workMs);
  world.isEnding = true;
  await pump(world, async () => {
    await over;
    await nemesis.heal();
    await readFinal(world);
    await machine.stop();
  });
}

/** Moves time until `work` is done. */
async function pump(world: World, work: () => Promise<void>): Promise<void> {
  let isDone = false;
  const note = (): void => void (isDone = true);
  const working = work();
  working.then(note, note);
  const deadlineMs = world.clock.monotonicMs() + endingMsMax;
  while (!isDone && world.clock.monotonicMs() < deadlineMs) await world.clock.advance(pumpMs);
  if (isDone) await working;
  else world.record({ kind: "stuck", what: "the run did not come to its end" });
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < turnsPerAlarm; turn += 1) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
