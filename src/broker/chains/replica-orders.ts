import { XylemError } from "../../base/errors.ts";
import type { ChainEffect } from "../../replication/chain-effect.ts";
import type { ChainInput } from "../../replication/chain-input.ts";
import type { ReplicaLog } from "../partition/replica/replica-log.ts";
import type { ChainHost } from "./chain-host.ts";

export type ReplicaOrder = Extract<
  ChainEffect,
  { kind: "truncate" | "restart" | "moveLogStart" | "flush" }
>;

export interface OrdersHost {
  feed(input: ChainInput): void;
  halt(reason: string, cause: unknown): void;
}

/** What a chain wants of a log that takes a while. What a full disk refuses is tried again. */
export class ReplicaOrders {
  readonly #log: ReplicaLog;
  readonly #node: Pick<ChainHost, "clock" | "log" | "limits">;
  readonly #host: OrdersHost;
  /** Where the log start is being moved; 0: nowhere. */
  #movingTo = 0;
  #isClosed = false;
  readonly #cancels = new Set<() => void>();

  constructor(
    log: ReplicaLog,
    node: Pick<ChainHost, "clock" | "log" | "limits">,
    host: OrdersHost,
  ) {
    this.#log = log;
    this.#node = node;
    this.#host = host;
  }

  take(order: ReplicaOrder): void {
    const { offset } = order;
    switch (order.kind) {
      case "truncate":
        return this.#cut(() => this.#log.truncate(offset));
      case "restart":
        return this.#cut(() => this.#log.restartAt(offset));
      case "moveLogStart":
        return this.#moveLogStart(offset);
      case "flush":
        // The chain hears of it as of any other flush.
        this.#log.log.whenStored(Math.min(offset, this.#log.end), "fsync", () => {});
        return;
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }

  #cut(cut: () => Promise<void>): void {
    cut().then(
      () => this.#tellCut(),
      (error: unknown) => {
        if (this.#isClosed) return;
        if (!(error instanceof XylemError)) return this.#host.halt(String(error), error);
        this.#warn("a replica could not be truncated", error);
        if (error.code === "DISK_FULL") return this.#later(() => this.#cut(cut));
        // The log start has moved past it meanwhile: the handshake is to be made anew.
        if (error.code === "OFFSET_OUT_OF_RANGE") return this.#tellCut();
        this.#host.halt(error.message, error);
      },
    );
  }

  #tellCut(): void {
    const { logStart, end, written, flushed } = this.#log;
    if (!this.#isClosed) this.#host.feed({ kind: "truncated", logStart, end, written, flushed });
  }

  /** That it has moved the chain hears from the log. */
  #moveLogStart(offset: number): void {
    if (this.#movingTo > 0) return;
    this.#movingTo = offset;
    const done = (): void => void (this.#movingTo = 0);
    this.#log.moveLogStart(offset).then(done, (error: unknown) => {
      if (this.#isClosed) return;
      this.#warn("the log start could not follow the head's", error);
      this.#later(done);
    });
  }

  #later(work: () => void): void {
    const { clock, limits } = this.#node;
    const cancel = clock.schedule(limits.retryMs, () => {
      this.#cancels.delete(cancel);
      work();
    });
    this.#cancels.add(cancel);
  }

  #warn(message: string, error: unknown): void {
    const { topic, index: partition } = this.#log.log;
    const why = error instanceof Error ? error.message : String(error);
    this.#node.log.warn(message, { topic, partition, why });
  }
}
