import { assert } from "../../base/assert.ts";
import { XylemError } from "../../base/errors.ts";
import { decodeUtf8, encodeUtf8 } from "../../base/text.ts";
import type { CoordinatorEntry } from "../../broker/ports/coordinator.ts";
import type { KeyValue } from "./generated/etcd/etcd_pb.ts";

/** Below it are keys of this client's own: nobody is told of them. */
const ownPrefix = "marks/";

/** The part of etcd's keys that belongs to one cluster: `xylem/<cluster>/`. */
export class EtcdKeys {
  readonly #base: string;

  constructor(clusterName: string) {
    this.#base = `xylem/${clusterName}/`;
  }

  bytesOf(key: string): Uint8Array<ArrayBuffer> {
    return encode(this.#base + key);
  }

  /** The keys that begin with `prefix`. */
  rangeOf(prefix: string): { key: Uint8Array<ArrayBuffer>; rangeEnd: Uint8Array<ArrayBuffer> } {
    const key = this.bytesOf(prefix);
    return { key, rangeEnd: firstPast(key) };
  }

  /** Where this client notes which of its transactions were applied. */
  ownKey(name: string): string {
    return ownPrefix + name;
  }

  isOwn(key: string): boolean {
    return key.startsWith(ownPrefix);
  }

  keyOf({ key }: KeyValue): string {
    return decodeUtf8(key).slice(this.#base.length);
  }

  entryOf(kv: KeyValue): CoordinatorEntry {
    const bound = kv.lease === 0n ? {} : { lease: leaseText(kv.lease) };
    return {
      key: this.keyOf(kv),
      value: decodeUtf8(kv.value),
      revision: toNumber(kv.modRevision),
      ...bound,
    };
  }
}

export function encode(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(encodeUtf8(text));
}

/** Revisions count changes: a double holds them all. */
export function toNumber(value: bigint | undefined): number {
  const number = Number(value ?? -1n);
  assert(Number.isSafeInteger(number) && number >= 0, `a revision of etcd is ${value}`);
  return number;
}

/** Hexadecimal, as etcd's own tools show a lease. */
export function leaseText(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16);
}

export function findLeaseId(text: string): bigint | undefined {
  return /^[0-9a-f]{1,16}$/.test(text) ? BigInt.asIntN(64, BigInt(`0x${text}`)) : undefined;
}

/** Throws STALE_BROKER_EPOCH for what is no lease of etcd's: nobody holds it there. */
export function leaseIdOf(text: string): bigint {
  const id = findLeaseId(text);
  if (id === undefined) throw new XylemError("STALE_BROKER_EPOCH", `etcd has no lease "${text}"`);
  return id;
}

/** The first key that no longer begins with these bytes. UTF-8 has no 0xff to carry over. */
function firstPast(key: Uint8Array): Uint8Array<ArrayBuffer> {
  const end = Uint8Array.from(key);
  const last = end.length - 1;
  end[last] = (end[last] as number) + 1;
  return end;
}
