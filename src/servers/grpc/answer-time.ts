import type { Cancel, Clock } from "../../base/clock.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import { timeToTakeMs } from "../../broker/records/time-to-take.ts";

/** What a client that does not take its answer is cut off by. */
export interface AnswerBounds {
  readonly clock: Clock;
  readonly settings: Pick<NodeSettings, "live.slow.reader.ms">;
  /** The time is over. */
  readonly cutOff: () => void;
}

/** The time a client has to take what it was answered. */
export class AnswerTime {
  readonly #bounds: AnswerBounds;
  #cancel: Cancel | undefined;
  #isOver = false;

  constructor(bounds: AnswerBounds) {
    this.#bounds = bounds;
  }

  /** The chunks of an answer. Between those of a stream there is all the time in the world. */
  async *pace(
    chunks: AsyncIterable<Uint8Array> | undefined,
    { isStream, end }: { readonly isStream: boolean; readonly end: () => void },
  ): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of chunks ?? []) {
        this.#start(chunk.length);
        yield chunk;
        if (isStream) this.#stop();
      }
    } finally {
      end();
      // Until the end is taken too.
      this.#start(0);
    }
  }

  /** The connection has taken all, or is gone. */
  end(): void {
    this.#isOver = true;
    this.#stop();
  }

  #start(sizeBytes: number): void {
    if (this.#isOver || this.#cancel !== undefined) return;
    const { clock, settings, cutOff } = this.#bounds;
    this.#cancel = clock.schedule(timeToTakeMs(sizeBytes, settings), cutOff);
  }

  #stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
