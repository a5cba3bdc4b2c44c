import type { NodeAddress } from "./node-address.ts";

/** Where the other nodes of a cluster are, as the one at `url` knows. */
export type FindNodes = (url: string) => Promise<readonly string[]>;

/** What was found longer ago than this is looked for again. */
const freshMs = 30_000;

/**
 * One node that was given, and those of its cluster that it tells of: they are asked in turn when
 * the one in use gives no answer. Of a node by itself it is that one address.
 */
export class ClusterAddress implements NodeAddress {
  readonly #given: string;
  readonly #find: FindNodes;
  #urls: readonly string[];
  #inUse: string;
  #findAtMs = -Infinity;
  #isFinding = false;

  constructor(url: string, find: FindNodes) {
    this.#given = url;
    this.#find = find;
    this.#urls = [url];
    this.#inUse = url;
  }

  current(): Promise<string> {
    return Promise.resolve(this.#inUse);
  }

  leave(url: string): void {
    if (this.#inUse !== url) return;
    const at = this.#urls.indexOf(url);
    this.#inUse = this.#urls[(at + 1) % this.#urls.length] ?? this.#given;
  }

  /** A node of a cluster has answered there: it knows the others. */
  answered(url: string): void {
    if (this.#isFinding || performance.now() < this.#findAtMs) return;
    this.#isFinding = true;
    this.#find(url).then(
      (found) => this.#know(found),
      () => this.#know([]),
    );
  }

  /** Nodes that are gone are kept until others are found in their place. */
  #know(found: readonly string[]): void {
    this.#isFinding = false;
    this.#findAtMs = performance.now() + freshMs;
    if (found.length > 0) this.#urls = [...new Set([this.#given, ...found, this.#inUse])];
  }
}
