import fc from "fast-check";
import { expect, test } from "vitest";
import { equalBytes } from "../../../base/bytes.ts";
import { openWorld } from "../../../../test/support/log-directory.ts";
import {
  appendModel,
  expectTold,
  type ModelAppend,
  type ModelBatch,
  readModel,
} from "../../../../test/support/replica-model.ts";
import { feed, openGoverned } from "../../../../test/support/replicas.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { Replica } from "./replica.ts";

const settings = { "internal.segment.bytes": 500, "index.interval.bytes": 120 };

/** What may happen to a head and its follower. */
type Step =
  | ModelAppend
  | { readonly kind: "feed"; readonly sizeBytes: number }
  | { readonly kind: "settle" | "truncate"; readonly part: number; readonly who: 0 | 1 }
  | { readonly kind: "epoch" | "swap" }
  | { readonly kind: "close" | "kill"; readonly who: 0 | 1 };

const who = fc.constantFrom(0 as const, 1 as const);
const part = fc.integer({ min: 0, max: 100 });
const kinds = <T extends string>(...names: T[]): fc.Arbitrary<T> => fc.constantFrom(...names);
const appends = kinds("plain", "idempotent", "transactional", "abort", "commit");
const sizeBytes = fc.integer({ min: 1, max: 400 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: appends, who }) },
  { weight: 3, arbitrary: fc.record({ kind: kinds("feed"), sizeBytes }) },
  { weight: 3, arbitrary: fc.record({ kind: kinds("settle", "truncate"), part, who }) },
  { weight: 2, arbitrary: fc.record({ kind: kinds("epoch", "swap") }) },
  { weight: 1, arbitrary: fc.record({ kind: kinds("close", "kill"), who }) },
);

interface Node {
  readonly disk: SimulatedDisk;
  readonly close: () => Promise<void>;
  readonly replica: Replica;
  batches: ModelBatch[];
  committed: number;
}

async function open(disk = new SimulatedDisk()): Promise<Node> {
  const world = await openWorld(disk);
  const { replica } = await openGoverned(world, settings);
  return { disk, close: () => world.directory.close(), replica, batches: [], committed: 0 };
}

class Pair {
  /** The first one is head. */
  nodes: [Node, Node];
  #epoch = 1;
  #count = 0;

  constructor(nodes: [Node, Node]) {
    this.nodes = nodes;
  }

  async run(taken: Step): Promise<void> {
    const [head, follower] = this.nodes;
    switch (taken.kind) {
      case "feed":
        return await this.#feed(taken.sizeBytes);
      case "settle":
        return this.#commit(this.nodes[taken.who], taken.part);
      case "truncate":
        return await this.#truncate(this.nodes[taken.who], taken.part);
      case "epoch":
        return this.#beginEpoch();
      case "swap":
        await this.#feed(1_000);
        this.nodes = [follower, head];
        return this.#beginEpoch();
      case "close":
      case "kill":
        this.nodes[taken.who] = await this.#restart(this.nodes[taken.who], taken.kind);
        return;
      default:
        appendModel(head.replica, taken, (this.#count += 1));
        return await this.#note(head);
    }
  }

  /** What was appended joins the model: bytes that stood there before have not changed. */
  async #note(node: Node): Promise<void> {
    const before = node.batches;
    node.batches = await readModel(node.replica);
    expect(node.batches.slice(0, before.length)).toEqual(before);
  }

  /** As the handshake: the follower goes back to what both have, then takes the rest. */
  async #feed(bytesMax: number): Promise<void> {
    const [head, follower] = this.nodes;
    let common = 0;
    for (const [at, { bytes, endOffset }] of follower.batches.entries()) {
      const other = head.batches[at]?.bytes;
      if (other === undefined || !equalBytes(other, bytes)) break;
      common = endOffset;
    }
    await this.#cut(follower, common);
    follower.replica.beginEpoch(this.#epoch);
    await feed(head.replica, follower.replica, bytesMax);
    await this.#note(follower);
    expect(follower.batches).toEqual(head.batches);
  }

  #commit(node: Node, upTo: number): void {
    const offset = Math.round((node.replica.end * upTo) / 100);
    node.replica.commit(offset);
    node.committed = Math.max(node.committed, offset);
  }

  async #truncate(node: Node, to: number): Promise<void> {
    const at = Math.floor((node.batches.length * to) / 100);
    await this.#cut(node, node.batches[at]?.baseOffset ?? node.replica.end);
  }

  async #cut(node: Node, offset: number): Promise<void> {
    await node.replica.truncate(offset);
    node.batches = node.batches.filter(({ baseOffset }) => baseOffset < offset);
    node.committed = Math.min(node.committed, offset);
  }

  #beginEpoch(): void {
    this.#epoch += 1;
    for (const { replica } of this.nodes) replica.beginEpoch(this.#epoch);
  }

  async #restart(node: Node, how: "close" | "kill"): Promise<Node> {
    if (how === "close") await node.close();
    const next = await open(how === "kill" ? node.disk.afterKill() : node.disk);
    const { batches, committed } = node;
    expect(next.replica.committed).toBeLessThanOrEqual(committed);
    next.replica.beginEpoch(this.#epoch);
    next.replica.commit(committed);
    return { ...next, batches, committed };
  }
}

test("a replica is what its batches say, and two that are fed alike are the same", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (plan) => {
      const pair = new Pair([await open(), await open()]);
      for (const taken of plan) {
        await pair.run(taken);
        for (const { replica, batches, committed } of pair.nodes) {
          await expectTold(replica, batches, committed);
        }
      }
    }),
    { numRuns: 80 },
  );
});
