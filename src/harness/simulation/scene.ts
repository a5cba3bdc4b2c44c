import { silentLog } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Disk } from "../../broker/ports/disk.ts";
import { SeededRandom } from "../../base/seeded-random.ts";
import { batchTools } from "../../node/open-broker.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import { defaultNodeSettings, type NodeSettings } from "../../base/settings/node-settings.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { drawOneIn } from "../../simulation/draw.ts";
import { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import { checkHistory, type Complaint } from "./checkers/check-history.ts";
import { DiskFaults } from "./disk-faults.ts";
import type { HistoryEvent } from "./history.ts";
import { Machine, type Plants } from "./machine.ts";
import { SimulatedClient } from "./simulated-client.ts";
import { Trace } from "./trace.ts";
import { forkRandom, World } from "./world.ts";

export interface SceneOptions {
  readonly seed: number;
  /** Lines of the trace that are kept: the last ones. */
  readonly eventsMax?: number;
  readonly plants?: Plants;
}

export interface RunReport {
  readonly seed: number;
  readonly complaints: readonly Complaint[];
  readonly traceHash: string;
  readonly lines: readonly string[];
  readonly requestCount: number;
  readonly virtualMs: number;
  /** What was looked at, by checker. */
  readonly checked: ReadonlyMap<string, number>;
  readonly history: readonly HistoryEvent[];
}

/** All that is left to do after the faults takes at most so long. */
const endingMsMax = 900_000;
const pumpMs = 50;

const settings: NodeSettings = {
  ...defaultNodeSettings,
  "offsets.topic.num.partitions": 2,
  "group.initial.rebalance.delay.ms": 100,
  "log.checkpoint.interval.ms": 2_000,
  "log.retention.check.interval.ms": 5_000,
  "log.cleaner.backoff.ms": 2_500,
  "offsets.topic.segment.bytes": 2_000,
  "connections.max.idle.ms": 30_000,
  "auto.create.topics.enable": false,
};

/** Some runs read all from the disk, or soon shut what nobody uses. */
function drawSettings(seed: number): NodeSettings {
  const random = forkRandom(seed, "settings");
  const drawn = { ...settings };
  if (drawOneIn(random, 3)) drawn["log.tail.cache.max.bytes"] = 0;
  if (drawOneIn(random, 3)) drawn["log.partition.idle.ms"] = 2_000;
  if (drawOneIn(random, 4)) drawn["offsets.topic.segment.bytes"] = 600;
  return drawn;
}

let loaded: Promise<void> | undefined;

/**
 * Loads the code that a broker loads late, once: loading takes real time, which no seed knows of.
 * To be awaited before a run.
 */
export function loadBroker(): Promise<void> {
  loaded ??= startOnce();
  return loaded;
}

async function startOnce(): Promise<void> {
  const parts = { clock: new VirtualClock(), random: new SeededRandom(1), log: silentLog };
  const disk = new SimulatedDisk();
  const own = { disk, tools: batchTools, settings, skewMs: () => 0 };
  const process = new SimulatedProcess({ ...parts, ...own });
  await process.start();
  process.kill();
}

/** What one run is played with: a machine with its disk, its faults, and a world of clients. */
export class Scene {
  readonly world: World;
  readonly machine: Machine;
  readonly faults: DiskFaults;
  readonly #seed: number;
  readonly #errors: string[] = [];

  constructor({ seed, eventsMax = 50, plants = {} }: SceneOptions) {
    const clock = new VirtualClock({ settle });
    const trace = new Trace(() => clock.monotonicMs(), eventsMax);
    const faults = new DiskFaults(clock, forkRandom(seed, "disk"), trace);
    const random = forkRandom(seed, "machine");
    const drawn = drawSettings(seed);
    const log = trace.log((text) => this.#errors.push(text));
    const machine = new Machine({
      clock,
      random,
      disk: new SimulatedDisk({ nowMs: () => clock.nowMs() }),
      prepare: (disk) => faults.hangOn(disk),
      onEvent: (what) => trace.add("machine", what),
      begin: (bare, skewMs) => {
        const { wrapDisk = (disk: Disk) => disk, tools = batchTools } = plants;
        const disk = wrapDisk(bare);
        return new SimulatedProcess({ disk, tools, clock, skewMs, random, log, settings: drawn });
      },
    });
    this.#seed = seed;
    this.faults = faults;
    this.machine = machine;
    const connect = (name: string, chance: Random): SimulatedClient =>
      new SimulatedClient(name, { clock, random: chance, process: () => machine.process });
    this.world = new World({ seed, clock, trace, connect });
    faults.onLost = () => this.world.record({ kind: "unsyncedLost" });
  }

  /** Moves time until `work` is done. */
  pump(work: () => Promise<void>): Promise<void> {
    return pumpUntil(this.world, work);
  }

  report(): RunReport {
    const { history, trace, requestCount, clock } = this.world;
    const { complaints, checked } = checkHistory(history, this.#errors);
    const { hash: traceHash, lines } = trace;
    const virtualMs = clock.monotonicMs();
    const facts = { requestCount, virtualMs, traceHash, lines, history };
    return { seed: this.#seed, complaints, checked, ...facts };
  }
}

/** Moves time until `work` is done. */
export async function pumpUntil(world: World, work: () => Promise<void>): Promise<void> {
  const { clock } = world;
  let isDone = false;
  const note = (): void => void (isDone = true);
  const working = work();
  working.then(note, note);
  const deadlineMs = clock.monotonicMs() + endingMsMax;
  while (!isDone && clock.monotonicMs() < deadlineMs) await clock.advance(pumpMs);
  if (isDone) await working;
  else world.record({ kind: "stuck", what: "the run did not come to its end" });
}

/** One turn of the loop after each alarm, in which what it set off gets on. */
export function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
