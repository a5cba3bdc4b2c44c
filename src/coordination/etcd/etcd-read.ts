import type { CoordinatorEntry, CoordinatorState } from "../../broker/ports/coordinator.ts";
import type { EtcdEndpoints } from "./etcd-endpoints.ts";
import { isCompacted } from "./etcd-failure.ts";
import { toNumber, type EtcdKeys } from "./etcd-keys.ts";
import type { RangeResponse } from "./generated/etcd/etcd_pb.ts";

/** Entries of one answer; the answer of a large cluster comes in several. */
const pageKeysMax = 5_000;

/** All entries below a prefix at one revision, page by page. */
export async function readPrefix(
  endpoints: EtcdEndpoints,
  keys: EtcdKeys,
  prefix: string,
): Promise<CoordinatorState> {
  for (;;) {
    const state = await readAtOneRevision(endpoints, keys, prefix);
    if (state !== undefined) return state;
  }
}

/** Undefined: etcd forgot that revision between two pages. */
async function readAtOneRevision(
  endpoints: EtcdEndpoints,
  keys: EtcdKeys,
  prefix: string,
): Promise<CoordinatorState | undefined> {
  const { key, rangeEnd } = keys.rangeOf(prefix);
  const entries: CoordinatorEntry[] = [];
  let from = key;
  let revision = 0;
  for (;;) {
    const page = await readPage(endpoints, {
      key: from,
      rangeEnd,
      limit: BigInt(pageKeysMax),
      revision: BigInt(revision),
    });
    if (page === undefined) return undefined;
    if (revision === 0) revision = toNumber(page.header?.revision);
    for (const kv of page.kvs) {
      if (!keys.isOwn(keys.keyOf(kv))) entries.push(keys.entryOf(kv));
    }
    const last = page.kvs.at(-1);
    if (!page.more || last === undefined) return { revision, entries };
    from = Uint8Array.of(...last.key, 0);
  }
}

interface Page {
  readonly key: Uint8Array<ArrayBuffer>;
  readonly rangeEnd: Uint8Array<ArrayBuffer>;
  readonly limit: bigint;
  readonly revision: bigint;
}

async function readPage(endpoints: EtcdEndpoints, page: Page): Promise<RangeResponse | undefined> {
  try {
    return await endpoints.ask("A read", ({ kv }, options) => kv.range(page, options));
  } catch (error) {
    if (isCompacted(error)) return undefined;
    throw error;
  }
}
