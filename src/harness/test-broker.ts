import { SeededRandom } from "../base/seeded-random.ts";
import type { Uuid } from "../base/uuid.ts";
import type { Disk } from "../broker/ports/disk.ts";
import { crc32c } from "../codecs/native-crc32c.ts";
import { LocalCoordinator } from "../coordination/local/local-coordinator.ts";
import { startEmbedded, Xylem, type XylemOptions } from "../node/embedded/xylem.ts";
import type { RunningNode } from "../node/start-node.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";
import { Faults } from "./faults/faults.ts";
import { Rehearsing } from "./rehearsing.ts";
import { VirtualClock } from "./settled-clock.ts";
import { EventTrace } from "./trace/event-trace.ts";

export interface TestBrokerOptions extends Omit<XylemOptions, "clock" | "random"> {
  /** Equal seeds draw equal ids and equal chance. 1 when absent. */
  readonly seed?: number;
  /**
   * `flows`, which is the default: real time, and `clock.advance` on top. `stands`: nothing ages
   * but by `clock.advance`; a Kafka client's wait for records then ends when some come.
   */
  readonly time?: "flows" | "stands";
  /** Wall clock at the start, milliseconds since 1970. */
  readonly startMs?: number;
  /**
   * A fetch waits for records this long, however long its client asks for: a consumer that is to
   * end waits for its fetch first, 5 s in kafkajs. 100; Infinity where time stands.
   */
  readonly fetchWaitMsMax?: number;
}

const fetchWaitMsMaxDefault = 100;

/** What is set up before a broker starts. */
interface Stage {
  /** Without what is the stage's own. */
  readonly options: XylemOptions;
  readonly seed: number;
  readonly time: "flows" | "stands";
  readonly fetchWaitMsMax: number;
  readonly clock: VirtualClock;
  readonly trace: EventTrace;
  readonly faults: Faults;
  /** Taken in place of what the options say. */
  readonly disk?: Disk;
}

/**
 * A broker for tests: all that `Xylem` is, with its time, its chance and its failures in the hands
 * of the test, and a trace of what happened. In memory, on a free port, unless options say more.
 */
export class TestBroker extends Xylem {
  readonly clock: VirtualClock;
  readonly faults: Faults;
  readonly trace: EventTrace;
  readonly #stage: Stage;
  readonly #running: RunningNode;
  /** What the node works on. */
  readonly #disk: Disk | undefined;

  private constructor(stage: Stage, running: RunningNode, disk: Disk | undefined) {
    super(running);
    this.clock = stage.clock;
    this.faults = stage.faults;
    this.trace = stage.trace;
    this.#stage = stage;
    this.#running = running;
    this.#disk = disk;
  }

  /** As `Xylem.start`. */
  static override async start(options: TestBrokerOptions = {}): Promise<TestBroker> {
    return await TestBroker.#startOn(stageOf(options));
  }

  /**
   * Stops, and starts on the same data, port, clock and trace, without faults. The broker it
   * answers takes this one's place: use that from here on.
   */
  async restart(): Promise<TestBroker> {
    const options = { ...this.#stage.options, port: this.port };
    await this.close();
    const inMemory = this.#running.broker.settings.memory;
    const disk = inMemory && this.#disk !== undefined ? { disk: this.#disk } : {};
    return await TestBroker.#startOn({ ...this.#stage, options, ...disk });
  }

  /**
   * A second broker, in memory and on a port of its own, that holds what this one does now: topics,
   * records, groups. Each goes its own way; time, faults and trace are its own as well.
   */
  async clone(): Promise<TestBroker> {
    const { broker } = this.#running;
    const { options, seed, time, fetchWaitMsMax } = this.#stage;
    const own = { seed, time, fetchWaitMsMax, startMs: this.clock.nowMs() };
    const stage = stageOf({ ...elsewhere(options), ...own, memory: true });
    const sizeBytesMax = broker.settings["memory.store.max.bytes"];
    const disk = new MemoryDisk({ sizeBytesMax, clock: stage.clock });
    const openCoordinator = () => LocalCoordinator.open({ disk, crc32c, log: broker.log });
    const watch = { signal: new AbortController().signal, progress: () => undefined };
    await broker.snapshots.take({ disk, openCoordinator }, watch);
    return await TestBroker.#startOn({ ...stage, disk });
  }

  override async close(): Promise<void> {
    // What faults hold back would keep clients waiting for their answers.
    this.faults.clear();
    await super.close();
  }

  static async #startOn(stage: Stage): Promise<TestBroker> {
    const { options, seed, clock, disk, trace, faults } = stage;
    const rehearsal = new Rehearsing(trace, faults, stage.fetchWaitMsMax);
    const node = await startEmbedded(
      { ...options, clock, random: new SeededRandom(seed) },
      { rehearsal, ...(disk && { disk }) },
    );
    const { topics } = node.broker;
    rehearsal.bind((id) => topics.findById(id as Uuid)?.name);
    return new TestBroker(stage, node, rehearsal.realDisk);
  }
}

function stageOf(options: TestBrokerOptions): Stage {
  const { seed = 1, time = "flows", startMs, fetchWaitMsMax: given, ...more } = options;
  const fetchWaitMsMax = given ?? (time === "flows" ? fetchWaitMsMaxDefault : Infinity);
  const flows = time === "flows";
  const clock = new VirtualClock({ flows, ...(startMs !== undefined && { startMs }) });
  const trace = new EventTrace(clock);
  return {
    options: more,
    seed,
    time,
    fetchWaitMsMax,
    clock,
    trace,
    faults: new Faults(clock, trace),
  };
}

/** The same options for a broker that stands beside. */
function elsewhere(options: XylemOptions): XylemOptions {
  const names = Object.entries(options).filter(([name]) => name !== "data" && name !== "port");
  return Object.fromEntries(names);
}
