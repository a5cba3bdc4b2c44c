import { connectionFailed } from "./xylem-client-error.ts";

/** One SRV record (RFC 2782), as `resolveSrv` of `node:dns/promises` gives it. */
export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

export type ResolveSrv = (name: string) => Promise<readonly SrvRecord[]>;

/** Where calls go. */
export interface NodeAddress {
  /** The URL in use, without a slash at its end. */
  current(): Promise<string>;
  /** That one gave no answer, or no service: others, if there are any, come first from now on. */
  leave(url: string): void;
  /** A node of a cluster has answered there. */
  answered?(url: string): void;
}

/** Records older than this are asked for again, while those known serve on. */
const freshMs = 30_000;

/**
 * The nodes that SRV records name, tried in order: by priority, and by lot within one. Asked for
 * again after a while, and when none of them answers. Throws CONNECTION_FAILED while none is known.
 */
export class SrvAddress implements NodeAddress {
  readonly #name: string;
  readonly #path: string;
  readonly #resolve: ResolveSrv;
  #urls: readonly string[] = [];
  #at = 0;
  #freshUntilMs = -Infinity;
  #finding: Promise<void> | undefined;

  /** `srv://name/path`: the path is the same at all nodes. */
  constructor({ host, pathname }: URL, resolve: ResolveSrv) {
    this.#name = host;
    this.#path = pathname.replace(/\/+$/, "");
    this.#resolve = resolve;
  }

  async current(): Promise<string> {
    if (this.#urls.length === 0 || performance.now() >= this.#freshUntilMs) {
      this.#finding ??= this.#find().finally(() => (this.#finding = undefined));
      // Known nodes may be well while DNS is not.
      if (this.#urls.length === 0) await this.#finding;
      else this.#finding.catch(() => {});
    }
    return this.#urls[this.#at] as string;
  }

  leave(url: string): void {
    if (this.#urls[this.#at] !== url) return;
    this.#at = (this.#at + 1) % this.#urls.length;
    if (this.#at === 0) this.#freshUntilMs = -Infinity;
  }

  async #find(): Promise<void> {
    const records = await this.#resolve(this.#name).catch((error: unknown) => {
      throw connectionFailed(error);
    });
    const found = records.filter(({ name }) => name !== "" && name !== ".");
    if (found.length === 0) throw connectionFailed(`DNS has no SRV records of ${this.#name}`);
    const inUse = this.#urls[this.#at];
    this.#urls = inOrder(found).map(
      ({ name, port }) => `http://${hostOf(name)}:${port}${this.#path}`,
    );
    this.#at = Math.max(0, this.#urls.indexOf(inUse ?? ""));
    this.#freshUntilMs = performance.now() + freshMs;
  }
}

/** A weight of nothing is drawn last. */
function inOrder(records: readonly SrvRecord[]): SrvRecord[] {
  const drawn = records.map((record) => ({
    record,
    // The least of such draws falls on a record as often as its share of all weights says.
    lot: record.weight === 0 ? Infinity : -Math.log(1 - Math.random()) / record.weight,
  }));
  drawn.sort((one, other) => one.record.priority - other.record.priority || byLot(one, other));
  return drawn.map(({ record }) => record);
}

function byLot(one: { lot: number }, other: { lot: number }): number {
  return one.lot === other.lot ? 0 : one.lot < other.lot ? -1 : 1;
}

function hostOf(name: string): string {
  return name.includes(":") ? `[${name}]` : name.replace(/\.$/, "");
}
