import type { Random } from "../../../base/random.ts";
import { appendRecords, type AppendOutcome } from "../../../broker/records/append-records.ts";
import { type Page, readPage } from "../../../broker/records/read-page.ts";
import { batchTools } from "../../../node/open-broker.ts";
import { drawBetween, drawOf, drawOneIn } from "../../../simulation/draw.ts";
import { recordOf, stampOf } from "../stamps.ts";
import { keyOf, type KnownTopic, type Target, type World } from "../world.ts";
import { askNode, type NodeAnswer } from "./node-answer.ts";
import type { SimulatedNode } from "./simulated-node.ts";

const pauseMsMax = 1_200;
const recordsMax = 3;
const sizesBytes = [0, 10, 100, 300];
const limit = 50;
const appendMsMax = 8_000;
const readMsMax = 1_000;
/** Whoever waits for a node that may be dead waits so much longer. */
const patienceMs = 2_000;
const tryAgainMs = 400;
/** As a producer of Kafka's gives up. */
const deliveryMsMax = 120_000;

/**
 * A client of the doors that are not Kafka's. It asks any node, which has it done where the
 * partition is led, and sends again with the same idempotency key, to another node, until it knows.
 * Topics are named: it keeps to one that stays.
 */
export class DoorClient {
  readonly #world: World;
  readonly #nodes: readonly SimulatedNode[];
  readonly #topic: KnownTopic;
  readonly #name: string;
  readonly #random: Random;
  readonly #positions = new Map<number, number>();
  #count = 0;

  constructor(
    world: World,
    { name, nodes, topic }: { name: string; nodes: readonly SimulatedNode[]; topic: KnownTopic },
  ) {
    this.#world = world;
    this.#name = name;
    this.#nodes = nodes;
    this.#topic = topic;
    this.#random = world.fork(name);
  }

  async run(): Promise<void> {
    while (!this.#world.isEnding) {
      await this.#world.sleep(drawBetween(this.#random, 1, pauseMsMax));
      const target = {
        topic: this.#topic,
        index: drawBetween(this.#random, 0, this.#topic.partitions - 1),
      };
      if (drawOneIn(this.#random, 2)) await this.#append(target);
      else await this.#read(target);
    }
  }

  async #append(target: Target): Promise<void> {
    const stamps = Array.from({ length: drawBetween(this.#random, 1, recordsMax) }, () => {
      this.#count += 1;
      return `${this.#name}/${this.#count}/${drawOf(this.#random, sizesBytes)}`;
    });
    const partition = keyOf(target);
    this.#world.record({ kind: "sent", partition, stamps, isIdempotent: true });
    const deadlineMs = this.#world.clock.monotonicMs() + deliveryMsMax;
    while (this.#world.clock.monotonicMs() < deadlineMs) {
      const askedAt = this.#world.history.length;
      const answer = await this.#tryAppend(target, stamps);
      const baseOffset = baseOf(answer);
      this.#tell("append", stamps.join(" "), answer?.value?.error ?? answer?.error, baseOffset);
      if (baseOffset !== undefined) {
        this.#world.record({ kind: "acked", partition, baseOffset, stamps, askedAt });
        return;
      }
      await this.#world.sleep(tryAgainMs);
    }
  }

  #tryAppend(
    { topic, index: partition }: Target,
    stamps: readonly string[],
  ): Promise<NodeAnswer<AppendOutcome>> {
    const records = stamps.map((stamp) => ({ ...recordOf(stamp), partition }));
    const idempotency = { scope: this.#name, key: stamps[0] as string };
    const own = { topic: topic.name, clientId: this.#name, records, idempotency };
    const ask = { ...own, acks: -1, timeoutMs: appendMsMax } as const;
    this.#world.requestCount += 1;
    return askNode(this.#world, this.#node(), appendMsMax + patienceMs, (broker) =>
      appendRecords(broker, batchTools, ask),
    );
  }

  async #read(target: Target): Promise<void> {
    const { topic, index } = target;
    const from = this.#positions.get(index) ?? 0;
    const askedAt = this.#world.history.length;
    const place = { topic: topic.name, partition: index, position: from };
    const own = { ...place, reset: "earliest" } as const;
    const ask = { ...own, limit, maxBytes: 65_536, waitMs: readMsMax };
    this.#world.requestCount += 1;
    const answer = await askNode(this.#world, this.#node(), readMsMax + appendMsMax, (broker) =>
      readPage(broker, batchTools, ask),
    );
    this.#tell("read", `${topic.name}-${index} from ${from}`, answer?.error, answer?.value);
    if (answer?.value !== undefined) this.#note(target, { from, askedAt, page: answer.value });
  }

  #note(
    target: Target,
    { from, askedAt, page }: { from: number; askedAt: number; page: Page },
  ): void {
    const partition = keyOf(target);
    const { logStart, highWatermark: committed, nextOffset, wasReset } = page;
    this.#positions.set(target.index, nextOffset);
    this.#world.record({ kind: "bounds", partition, logStart, committed, askedAt });
    const records = page.records.map((one) => ({ offset: one.offset, stamp: stampOf(one) }));
    if (records.length === 0) return;
    const began = wasReset ? (records[0]?.offset ?? from) : from;
    const reader = this.#name;
    this.#world.record({ kind: "read", reader, partition, from: began, askedAt, records });
  }

  #node(): SimulatedNode {
    const serving = this.#nodes.filter(({ process }) => process !== undefined);
    return drawOf(this.#random, serving.length === 0 ? this.#nodes : serving);
  }

  #tell(what: string, of: string, error: { code: string } | undefined, done: unknown): void {
    const outcome = error?.code ?? (done === undefined ? "no answer" : "NONE");
    this.#world.record({ kind: "answer", api: `doors: ${what}`, error: outcome });
    this.#world.tell(this.#name, `${what} ${of}: ${outcome}`);
  }
}

/** Undefined: it is not known to be stored. */
function baseOf(answer: NodeAnswer<AppendOutcome>): number | undefined {
  const outcome = answer?.value;
  if (outcome === undefined || outcome.error !== undefined) return undefined;
  return outcome.records[0]?.offset;
}
