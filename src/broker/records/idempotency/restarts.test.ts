import fc from "fast-check";
import { expect, test } from "vitest";
import { batchOf, tools } from "../../../../test/support/log-directory.ts";
import { MemoryBroker } from "../../../../test/support/memory-broker.ts";
import { XylemError } from "../../../base/errors.ts";
import { SeededRandom } from "../../../base/seeded-random.ts";
import { decodeUtf8, encodeUtf8 } from "../../../base/text.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { appendRecords } from "../append-records.ts";
import { readPage } from "../read-page.ts";

type Step =
  | { readonly kind: "append"; readonly key: number; readonly body: number }
  | { readonly kind: "plain" | "stop" | "kill" | "powerCut" };

const partitionCount = 2;
const append = fc.record({
  kind: fc.constant("append" as const),
  key: fc.nat({ max: 5 }),
  body: fc.nat({ max: 1 }),
});
const other = fc.record({ kind: fc.constantFrom("plain", "stop", "kill", "powerCut") });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof({ weight: 5, arbitrary: append }, { weight: 2, arbitrary: other }),
  { maxLength: 40 },
);

/** What requests with keys are to find, whatever happens to the process. */
class Rig {
  readonly #random = new SeededRandom(3);
  /** What the first request of each key said, and was told. */
  readonly #first = new Map<number, { readonly body: number; readonly places: unknown }>();
  #disk = new SimulatedDisk({ nowMs: () => Infinity });
  #memory!: MemoryBroker;

  async open(): Promise<void> {
    // Tiny segments, so that a table is made from many.
    const settings = { "log.segment.records": 3 };
    this.#memory = await MemoryBroker.open(settings, this.#disk);
  }

  makeTopic(): Promise<unknown> {
    return this.#memory.createTopic("orders", {}, partitionCount);
  }

  async run(step: Step): Promise<void> {
    if (step.kind === "append") return await this.#append(step.key, step.body);
    if (step.kind === "plain") return await this.#appendPlain();
    if (step.kind === "stop") await this.#memory.close();
    else if (step.kind === "kill") this.#disk = this.#disk.afterKill();
    else this.#disk = this.#disk.afterPowerCut(this.#random);
    await this.open();
  }

  async #append(key: number, body: number): Promise<void> {
    const values = Array.from({ length: body + 1 }, (_, at) => `${key}/${body}/${at}`);
    const records = values.map((value, at) => ({
      key: encodeUtf8(`${at}`),
      value: encodeUtf8(value),
      headers: [],
    }));
    const how = { topic: "orders", acks: -1, timeoutMs: 1_000, clientId: "test" } as const;
    const idempotency = { scope: "User:test", key: `key ${key}` };
    const asked = appendRecords(this.#memory.broker, tools, { ...how, records, idempotency });
    const told = await asked.catch((error: XylemError) => error);
    const first = this.#first.get(key);
    const places = told instanceof XylemError ? told.code : told.records;
    if (first === undefined) this.#first.set(key, { body, places });
    else expect(places).toEqual(first.body === body ? first.places : "IDEMPOTENCY_KEY_REUSED");
  }

  /** As a Kafka client does it: no key, and compressed. */
  async #appendPlain(): Promise<void> {
    const log = this.#memory.broker.topics.find("orders")!.partitions[0]!;
    await log.load();
    log.append(batchOf(["plain", "plain"], { codec: "gzip" }), { origin: "client" });
    await new Promise<void>((resolve) => log.whenCommitted(log.end, () => resolve()));
  }

  /** Every record of every first request is there once, and nothing else that has a key. */
  async check(): Promise<void> {
    const wanted = [...this.#first].flatMap(([key, { body }]) =>
      Array.from({ length: body + 1 }, (_, at) => `${key}/${body}/${at}`),
    );
    const found: string[] = [];
    for (let partition = 0; partition < partitionCount; partition += 1) {
      const ask = { topic: "orders", partition, position: 0, limit: 1_000, maxBytes: 100_000 };
      const page = await readPage(this.#memory.broker, tools, { ...ask, waitMs: 0 });
      for (const { key, value } of page.records) {
        if (key !== null) found.push(decodeUtf8(value ?? new Uint8Array()));
      }
    }
    expect(found.toSorted()).toEqual(wanted.toSorted());
    await this.#memory.close();
  }
}

test("whatever stops the process, a key makes its records once and finds them again", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const rig = new Rig();
      await rig.open();
      await rig.makeTopic();
      for (const step of plan) await rig.run(step);
      await rig.check();
    }),
    { numRuns: 60 },
  );
});
