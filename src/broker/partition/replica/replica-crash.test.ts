import fc from "fast-check";
import { expect, test } from "vitest";
import { equalBytes } from "../../../base/bytes.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { openWorld } from "../../../../test/support/log-directory.ts";
import {
  appendModel,
  expectTold,
  type ModelAppend,
  type ModelBatch,
  readModel,
} from "../../../../test/support/replica-model.ts";
import { openGoverned } from "../../../../test/support/replicas.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { LogDirectory } from "../directory/log-directory.ts";
import type { Replica } from "./replica.ts";

const settings = { "internal.segment.bytes": 500, "index.interval.bytes": 120 };

type Step =
  | ModelAppend
  | { readonly kind: "truncate" | "restart" | "settle"; readonly part: number }
  | { readonly kind: "epoch" | "checkpoint" }
  | { readonly kind: "close" };

/** A process, and the operation of its disk at which it ends. */
interface Life {
  readonly steps: readonly Step[];
  readonly operation: number;
  readonly isLate: boolean;
  readonly isPower: boolean;
  readonly seed: number;
}

const kinds = <T extends string>(...names: T[]): fc.Arbitrary<T> => fc.constantFrom(...names);
const part = fc.integer({ min: 0, max: 100 });
const appends = kinds("plain", "idempotent", "transactional", "abort", "commit");
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({ kind: appends, who: fc.constantFrom(0 as const, 1 as const) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: kinds("truncate", "settle"), part }) },
  { weight: 1, arbitrary: fc.record({ kind: kinds("restart"), part }) },
  { weight: 2, arbitrary: fc.record({ kind: kinds("epoch", "checkpoint", "close") }) },
);
const life: fc.Arbitrary<Life> = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 16 }),
  operation: fc.integer({ min: 1, max: 160 }),
  isLate: fc.boolean(),
  isPower: fc.boolean(),
  seed: fc.nat(),
});

/** A log, as a start may find it. */
interface State {
  readonly batches: readonly ModelBatch[];
  readonly logStart: number;
}

/** One replica through its lives: what it was told last, and what it may be on the way to. */
class Survivor {
  disk = new SimulatedDisk();
  #state: State = { batches: [], logStart: 0 };
  #next: State[] = [];
  #committed = 0;
  #epoch = 1;
  #count = 0;
  #replica: Replica | undefined;

  async live(plan: Life): Promise<void> {
    const dead = Promise.withResolvers<SimulatedDisk>();
    const { disk } = this;
    let count = 0;
    const strike = (): void | Promise<void> => {
      count += 1;
      if (count !== plan.operation) return undefined;
      const random = new SeededRandom(plan.seed);
      dead.resolve(plan.isPower ? disk.afterPowerCut(random) : disk.afterKill(random));
      disk.die();
      return new Promise(() => {});
    };
    if (plan.isLate) disk.late = strike;
    else disk.fault = strike;
    const end = this.#play(plan.steps).then(() => disk.afterKill());
    this.disk = await Promise.race([dead.promise, end]);
  }

  async #play(steps: readonly Step[]): Promise<void> {
    let directory = await this.#open();
    for (const taken of steps) {
      if (taken.kind !== "close") await this.#take(taken, directory);
      else {
        await directory.close();
        directory = await this.#open();
      }
    }
  }

  async #open(): Promise<LogDirectory> {
    const world = await openWorld(this.disk);
    const { replica } = await openGoverned(world, settings, this.#epoch);
    this.#replica = replica;
    const found = await readModel(replica);
    const state = [this.#state, ...this.#next].find((one) => isSame(one, found, replica));
    expect(state, `${describe(found)} of ${replica.logStart}`).toBeDefined();
    this.#state = state as State;
    this.#next = [];
    expect(replica.rememberedCommitted).toBeLessThanOrEqual(
      Math.max(this.#committed, replica.logStart),
    );
    this.#committed = Math.max(replica.logStart, Math.min(this.#committed, replica.end));
    replica.commit(this.#committed);
    replica.beginEpoch((this.#epoch += 1));
    await expectTold(replica, found, this.#committed);
    return world.directory;
  }

  async #take(taken: Exclude<Step, { kind: "close" }>, directory: LogDirectory): Promise<void> {
    const replica = this.#replica as Replica;
    switch (taken.kind) {
      case "truncate":
        await this.#truncate(replica, taken.part);
        break;
      case "restart":
        await this.#restart(replica, taken.part);
        break;
      case "settle":
        replica.commit(Math.round((replica.end * taken.part) / 100));
        this.#committed = replica.committed;
        break;
      case "epoch":
        replica.beginEpoch((this.#epoch += 1));
        break;
      case "checkpoint":
        await directory.checkpoint();
        break;
      default:
        await this.#append(replica, taken);
    }
    await expectTold(replica, this.#state.batches, this.#committed);
  }

  async #append(replica: Replica, taken: ModelAppend): Promise<void> {
    appendModel(replica, taken, (this.#count += 1));
    const { end } = replica;
    const bytes = replica.readForSuccessor(this.#end, all);
    const chunk = bytes instanceof Promise ? undefined : bytes.chunks[0];
    const batch = { bytes: chunk?.slice() as Uint8Array, baseOffset: this.#end, endOffset: end };
    const next = { ...this.#state, batches: [...this.#state.batches, batch] };
    this.#next = [next];
    await readModel(replica);
    this.#settleOn(next);
  }

  async #truncate(replica: Replica, to: number): Promise<void> {
    const { batches } = this.#state;
    const at = Math.floor((batches.length * to) / 100);
    const offset = batches[at]?.baseOffset ?? replica.end;
    const next = { ...this.#state, batches: batches.slice(0, at) };
    this.#next = [next];
    await replica.truncate(offset);
    this.#settleOn(next);
    this.#committed = Math.min(this.#committed, offset);
  }

  async #restart(replica: Replica, offset: number): Promise<void> {
    const next = { batches: [], logStart: offset };
    this.#next = [next];
    await replica.restartAt(offset);
    this.#settleOn(next);
    this.#committed = offset;
  }

  #settleOn(state: State): void {
    this.#state = state;
    this.#next = [];
  }

  get #end(): number {
    return this.#state.batches.at(-1)?.endOffset ?? this.#state.logStart;
  }
}

const all = { sizeBytesMax: 1_000_000, wholeFirst: true, upTo: Infinity };

function isSame(state: State, found: readonly ModelBatch[], { logStart }: Replica): boolean {
  if (logStart !== state.logStart || state.batches.length !== found.length) return false;
  return state.batches.every(({ bytes }, at) =>
    equalBytes(bytes, found[at]?.bytes ?? new Uint8Array()),
  );
}

function describe(batches: readonly ModelBatch[]): string {
  return batches.map(({ baseOffset, endOffset }) => `${baseOffset}-${endOffset}`).join(" ");
}

test("whenever its machine dies, a replica's log is before or after what it did", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 4 }), async (lives) => {
      const survivor = new Survivor();
      for (const plan of lives) await survivor.live(plan);
      await survivor.live({ steps: [], operation: 0, isLate: false, isPower: false, seed: 0 });
    }),
    { numRuns: 100 },
  );
});
