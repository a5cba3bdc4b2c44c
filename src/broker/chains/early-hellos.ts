import type { LinkId } from "../../replication/chain-input.ts";
import type { ChainMessage } from "../../replication/chain-message.ts";

type HellosByLink = ReadonlyMap<LinkId, ChainMessage>;

/** Of so many partitions; the oldest are forgotten: who has no answer says it again. */
const partitionsMax = 10_000;

/**
 * Handshakes about partitions that are not open here yet: the other node has heard of a chain
 * before this one. The last of each link.
 */
export class EarlyHellos {
  readonly #byKey = new Map<string, Map<LinkId, ChainMessage>>();

  add(key: string, link: LinkId, message: ChainMessage): void {
    if (message.kind !== "hello") return;
    const hellos = this.#byKey.get(key) ?? new Map<LinkId, ChainMessage>();
    this.#byKey.set(key, hellos.set(link, message));
    const [oldest] = this.#byKey.keys();
    if (this.#byKey.size > partitionsMax && oldest !== undefined) this.#byKey.delete(oldest);
  }

  /** Those of a partition that is open now. */
  take(key: string): HellosByLink | undefined {
    const hellos = this.#byKey.get(key);
    this.#byKey.delete(key);
    return hellos;
  }

  closed(link: LinkId): void {
    for (const [key, hellos] of this.#byKey) {
      if (hellos.delete(link) && hellos.size === 0) this.#byKey.delete(key);
    }
  }
}
