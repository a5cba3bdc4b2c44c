import type { Clock } from "../../../base/clock.ts";
import { inParallel } from "../../../base/in-parallel.ts";
import type { Log } from "../../../base/log.ts";
import { formatChainConfig } from "../../../replication/chain-config.ts";
import type { ChainChange } from "../../../replication/controller/chain-change.ts";
import type { Compare, Coordinator } from "../../ports/coordinator.ts";
import { transactionBytesMax, transactionKeysMax } from "../../ports/transaction-bounds.ts";
import { nodeKey } from "../membership/node-entry.ts";

export interface ChainWriterOptions {
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly log: Log;
  /** All that is written compares it: of two that believe to be in office, one is. */
  readonly office: Compare;
  /** Whether there is any use in going on. */
  readonly isInOffice: () => boolean;
  /** The change was not made, as far as is known: it is to be decided anew. */
  readonly onRefused: (key: string) => void;
}

/** Transactions side by side. */
const writingMax = 16;
/** Of entries, which are ASCII; with room for keys. */
const bytesMax = transactionBytesMax / 2;
/** Chains that are named one by one when they change together. */
const namedMax = 20;
/** Before anything is decided again after the coordinator has failed. */
const retryMs = 500;

/**
 * Writes what the controller has decided, many chains in one transaction: a node's death changes
 * thousands. Where one of them has met another's change, each goes by itself.
 */
export class ChainWriter {
  readonly #options: ChainWriterOptions;

  constructor(options: ChainWriterOptions) {
    this.#options = options;
  }

  /** Of several changes of one chain the first is made. `guard` is compared by each write. */
  async write(changes: readonly ChainChange[], guard?: Compare): Promise<void> {
    const firsts = new Map<string, ChainChange>();
    for (const change of changes) {
      if (firsts.has(change.key)) this.#options.onRefused(change.key);
      else firsts.set(change.key, change);
    }
    // The key of the office is one of those that a transaction takes.
    const changesMax = transactionKeysMax - (guard === undefined ? 1 : 2);
    const formatted = [...firsts.values()].map((change) => ({
      ...change,
      value: formatChainConfig(change.config),
    }));
    await inParallel(inBatches(formatted, changesMax), writingMax, (batch) =>
      this.#writeBatch(batch, guard),
    );
  }

  async #writeBatch(changes: Batch, guard?: Compare): Promise<void> {
    const written = await this.#transact(changes, guard);
    if (written !== "conflict") return;
    if (changes.length === 1) return this.#refuse(changes);
    await inParallel(changes, writingMax, (change) => this.#writeBatch([change], guard));
  }

  async #transact(changes: Batch, guard?: Compare): Promise<"conflict" | "settled"> {
    const { coordinator, clock, log, office, isInOffice } = this.#options;
    if (!isInOffice()) return "settled";
    const compares: Compare[] = guard === undefined ? [office] : [office, guard];
    for (const { key, revision, nodes } of changes) {
      compares.push({ key, revision });
      for (const node of nodes) compares.push({ key: nodeKey(node.id), revision: node.revision });
    }
    const writes = changes.map(({ key, value }) => ({ key, value }));
    try {
      const written = await coordinator.transact(compares, writes);
      if (written === undefined) return "conflict";
      tellOf(changes, log);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.warn("a change of chains has no answer", { chains: changes.length, why });
      this.#refuse(changes);
      await new Promise<void>((resolve) => clock.schedule(retryMs, resolve));
    }
    return "settled";
  }

  #refuse(changes: Batch): void {
    for (const { key } of changes) this.#options.onRefused(key);
  }
}

/** Of many at once each is a line for debugging alone. */
function tellOf(changes: Batch, log: Log): void {
  const level = changes.length > namedMax ? "debug" : "info";
  for (const { key, config, reason } of changes) {
    log[level]("a chain changes", { chain: key, epoch: config.epoch, reason });
  }
  if (level === "info") return;
  const counts = new Map<string, number>();
  for (const { reason } of changes) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  for (const [reason, chains] of counts) log.info("chains change", { chains, reason });
}

type Batch = readonly (ChainChange & { readonly value: string })[];

/** What compares nodes too goes alone. */
function inBatches(changes: Batch, changesMax: number): Batch[] {
  const batches: Batch[] = [];
  let open: Batch[number][] = [];
  let sizeBytes = 0;
  for (const change of changes) {
    const changeBytes = change.value.length;
    const isFull = open.length >= changesMax || sizeBytes + changeBytes > bytesMax;
    if (change.nodes.length > 0) batches.push([change]);
    else {
      if (isFull && open.length > 0) {
        batches.push(open);
        [open, sizeBytes] = [[], 0];
      }
      open.push(change);
      sizeBytes += changeBytes;
    }
  }
  if (open.length > 0) batches.push(open);
  return batches;
}
