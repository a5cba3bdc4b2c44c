import fc from "fast-check";
import { expect, test } from "vitest";
import { openWorld } from "../../../../test/support/log-directory.ts";
import {
  feed,
  type GovernedReplica,
  held,
  logBytes,
  openGoverned,
} from "../../../../test/support/replicas.ts";
import { TransactionalProducer } from "../../../../test/support/transactional-producer.ts";
import { BatchWalk } from "../../../log/batch-walk.ts";
import { LeaderEpochs } from "../../../log/leader-epochs.ts";
import { ProducerStates } from "../../../log/producer-states.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { batchOf } from "../../../../test/support/log-directory.ts";
import { replayBatch } from "../producers/producer-replay.ts";
import type { Replica } from "./replica.ts";

const settings = { "internal.segment.bytes": 500, "index.interval.bytes": 120 };

/** What may happen to a head and its follower. */
type Step =
  | { readonly kind: "plain" | "idempotent" | "transactional"; readonly who: 0 | 1 }
  | { readonly kind: "end"; readonly who: 0 | 1; readonly isAbort: boolean }
  | { readonly kind: "feed"; readonly sizeBytes: number }
  | { readonly kind: "commit" | "truncate"; readonly part: number; readonly who: 0 | 1 }
  | { readonly kind: "epoch" | "swap" }
  | { readonly kind: "stop"; readonly who: 0 | 1; readonly isKill: boolean };

const who = fc.constantFrom(0 as const, 1 as const);
const part = fc.integer({ min: 0, max: 100 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constantFrom("plain" as const, "idempotent" as const, "transactional" as const),
        who,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("end" as const), who, isAbort: fc.boolean() }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("feed" as const),
        sizeBytes: fc.integer({ min: 1, max: 400 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom("commit" as const, "truncate" as const),
        part,
        who,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constantFrom("epoch" as const, "swap" as const) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("stop" as const), who, isKill: fc.boolean() }),
    },
  ),
  { minLength: 5, maxLength: 40 },
);

interface Node {
  disk: SimulatedDisk;
  close: () => Promise<void>;
  governed: GovernedReplica;
  /** Whole batches, oldest first, as the log must hold them. */
  model: { bytes: Uint8Array; baseOffset: number; endOffset: number }[];
  committed: number;
}

async function openNode(
  disk: SimulatedDisk,
  model: Node["model"],
  committed: number,
): Promise<Node> {
  const world = await openWorld(disk);
  const governed = await openGoverned(world, settings);
  return { disk, close: () => world.directory.close(), governed, model, committed };
}

/** What the model's batches say of epochs and producers. */
function expectModel({ governed, model, committed }: Node): void {
  const { replica } = governed;
  const end = model.at(-1)?.endOffset ?? 0;
  const epochs = new LeaderEpochs();
  const states = new ProducerStates();
  for (const { bytes } of model) {
    const walk = new BatchWalk(bytes, 0, 0);
    expect(walk.look()).toBe("batch");
    epochs.assign(walk.leaderEpoch, walk.baseOffset);
    replayBatch(states, walk, 0);
  }
  states.settle(committed);
  expect([replica.end, replica.committed]).toEqual([end, committed]);
  expect(replica.epochEnds()).toEqual(epochs.ends({ logStart: 0, end }));
  expect(replica.log.lastStable).toBe(Math.min(committed, states.firstUnstable ?? committed));
  expect(knownOf(replica.log.producers())).toEqual(knownOf(states.values()));
}

function knownOf(producers: Iterable<ReturnType<ProducerStates["find"]> & object>): object[] {
  const known = [...producers].map(({ producerId, epoch, batches, currentTxnFirstOffset }) => {
    return { producerId, epoch, last: batches.at(-1)?.lastSequence, currentTxnFirstOffset };
  });
  return known.sort((one, other) => one.producerId - other.producerId);
}

async function takeOver(node: Node): Promise<void> {
  await held(node.governed.replica);
  const bytes = await logBytes(node.governed.replica);
  node.model = [];
  for (const walk = new BatchWalk(bytes, 0, 0); walk.look() === "batch"; walk.advance()) {
    const { position, sizeBytes, baseOffset, lastOffset } = walk;
    const batch = bytes.slice(position, position + sizeBytes);
    node.model.push({ bytes: batch, baseOffset, endOffset: lastOffset + 1 });
  }
}

class Pair {
  /** The first one is head. */
  nodes: [Node, Node];
  #epoch = 1;
  #count = 0;

  constructor(nodes: [Node, Node]) {
    this.nodes = nodes;
  }

  async run(step: Step): Promise<void> {
    const [head, follower] = this.nodes;
    const { replica } = head.governed;
    switch (step.kind) {
      case "plain":
      case "idempotent":
      case "transactional":
      case "end":
        this.#append(replica, step);
        return await this.#note(head);
      case "feed":
        return await this.#feed(step.sizeBytes);
      case "commit":
        return this.#commit(this.nodes[step.who], step.part);
      case "truncate":
        return await this.#truncate(this.nodes[step.who], step.part);
      case "epoch":
        return this.#beginEpoch();
      case "swap":
        await this.#feed(1_000);
        this.nodes = [follower, head];
        return this.#beginEpoch();
      case "stop":
        this.nodes[step.who] = await this.#restart(this.nodes[step.who], step.isKill);
    }
  }

  #append(replica: Replica, step: Extract<Step, { who: 0 | 1 }>): void {
    this.#count += 1;
    const producerId = step.who + 1 + (step.kind === "idempotent" ? 10 : 0);
    const producer = new TransactionalProducer(producerId);
    const values = [`value ${this.#count}`, "x".repeat(this.#count % 60)];
    producer.resume(replica.log);
    if (step.kind === "plain") replica.log.append(batchOf(values), { origin: "client" });
    else if (step.kind === "transactional") producer.send(replica.log, values);
    else if (step.kind === "end")
      producer.end(replica.log, "isAbort" in step && step.isAbort ? "abort" : "commit");
    else {
      const [known] = [...replica.log.producers()].filter((one) => one.producerId === producerId);
      const baseSequence = (known?.batches.at(-1)?.lastSequence ?? -1) + 1;
      const fields = { producerId, producerEpoch: 0, baseSequence };
      replica.log.append(batchOf(values, fields), { origin: "client" });
    }
  }

  /** What was appended joins the model: bytes that stood there before have not changed. */
  async #note(node: Node): Promise<void> {
    const before = node.model;
    await takeOver(node);
    expect(node.model.slice(0, before.length)).toEqual(before);
  }

  /** As the handshake: the follower goes back to what both have, then takes the rest. */
  async #feed(sizeBytes: number): Promise<void> {
    const [head, follower] = this.nodes;
    let common = 0;
    for (const [at, { bytes, endOffset }] of follower.model.entries()) {
      if (!head.model[at] || !Buffer.from(head.model[at].bytes).equals(Buffer.from(bytes))) break;
      common = endOffset;
    }
    await this.#cut(follower, common);
    follower.governed.replica.beginEpoch(this.#epoch);
    await feed(head.governed.replica, follower.governed.replica, sizeBytes);
    await this.#note(follower);
    expect(follower.model).toEqual(head.model);
  }

  #commit(node: Node, upTo: number): void {
    const { replica } = node.governed;
    const offset = Math.round((replica.end * upTo) / 100);
    replica.commit(offset);
    node.committed = Math.max(node.committed, offset);
  }

  async #truncate(node: Node, to: number): Promise<void> {
    const at = Math.floor((node.model.length * to) / 100);
    await this.#cut(node, node.model[at]?.baseOffset ?? node.governed.replica.end);
  }

  async #cut(node: Node, offset: number): Promise<void> {
    await node.governed.replica.truncate(offset);
    node.model = node.model.filter(({ baseOffset }) => baseOffset < offset);
    node.committed = Math.min(node.committed, offset);
  }

  #beginEpoch(): void {
    this.#epoch += 1;
    for (const { governed } of this.nodes) governed.replica.beginEpoch(this.#epoch);
  }

  async #restart(node: Node, isKill: boolean): Promise<Node> {
    if (!isKill) await node.close();
    const disk = isKill ? node.disk.afterKill() : node.disk;
    const next = await openNode(disk, node.model, node.committed);
    expect(next.governed.replica.committed).toBeLessThanOrEqual(node.committed);
    next.governed.replica.beginEpoch(this.#epoch);
    next.governed.replica.commit(node.committed);
    return next;
  }
}

test("a replica is what its batches say, and two that are fed alike are the same", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const open = (): Promise<Node> => openNode(new SimulatedDisk(), [], 0);
      const pair = new Pair([await open(), await open()]);
      for (const step of plan) {
        await pair.run(step);
        for (const node of pair.nodes) expectModel(node);
      }
    }),
    { numRuns: 100 },
  );
});
