import { formatBase64Url } from "../../base/base64url.ts";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type {
  Compare,
  Coordinator,
  CoordinatorState,
  Watcher,
  Write,
} from "../../broker/ports/coordinator.ts";
import type { Lease } from "../../broker/ports/lease.ts";
import { parseEndpoints, urlOf } from "../parse-endpoints.ts";
import type { AddressSource } from "../srv/address-source.ts";
import { EtcdEndpoints } from "./etcd-endpoints.ts";
import { EtcdKeys } from "./etcd-keys.ts";
import { EtcdLeases } from "./etcd-leases.ts";
import { MarkLanes } from "../mark-lanes.ts";
import { readPrefix } from "./etcd-read.ts";
import { EtcdTransactions } from "./etcd-transactions.ts";
import { EtcdWatch } from "./etcd-watch.ts";

export interface EtcdCoordinatorOptions {
  /** As the setting `coordinator` says it: `etcd://host:port,host:port`. */
  readonly address: string;
  /** Says the endpoints in place of the address, and is closed with the coordinator. */
  readonly addresses?: AddressSource | undefined;
  /** Its keys lie below `xylem/<name>/`. No `/` in it. */
  readonly clusterName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const portInitial = 2379;
/** Of what tells which transactions were applied, after this client is gone. */
const marksTtlMs = 60_000;
/** For what a close tidies up; what stays runs out by itself. */
const closeMsMax = 1_000;
const nonceBytes = 12;

/**
 * etcd, from 3.4 on, as the coordinator of several nodes. Nothing is sent before the first call; a
 * member that fails is left for the next one.
 */
export class EtcdCoordinator implements Coordinator {
  readonly #addresses: AddressSource | undefined;
  readonly #endpoints: EtcdEndpoints;
  readonly #keys: EtcdKeys;
  readonly #leases: EtcdLeases;
  readonly #lanes: MarkLanes;
  readonly #transactions: EtcdTransactions;

  /** Throws INVALID_CONFIG for an address that names no etcd. */
  constructor(options: EtcdCoordinatorOptions) {
    const { address, addresses, clusterName, clock, random, log } = options;
    const nonce = (): string => formatBase64Url(random.bytes(nonceBytes));
    const urls = addresses?.current.map(urlOf) ?? parseEndpoints(address, "etcd", portInitial);
    this.#addresses = addresses;
    this.#endpoints = new EtcdEndpoints({ urls, clock, log, onLeft: () => addresses?.suspect() });
    addresses?.onChanged((changed) => this.#endpoints.replace(changed.map(urlOf)));
    this.#keys = new EtcdKeys(clusterName);
    this.#leases = new EtcdLeases({ endpoints: this.#endpoints, clock });
    this.#lanes = new MarkLanes(this.#keys.ownKey(nonce()), () => this.#leases.grant(marksTtlMs));
    this.#transactions = new EtcdTransactions({
      endpoints: this.#endpoints,
      keys: this.#keys,
      lanes: this.#lanes,
      isLeaseThere: (id) => this.#leases.isThere(id),
      nonce,
    });
  }

  async read(prefix: string): Promise<CoordinatorState> {
    return await readPrefix(this.#endpoints, this.#keys, prefix);
  }

  async transact(
    compares: readonly Compare[],
    writes: readonly Write[],
  ): Promise<number | undefined> {
    return await this.#transactions.run(compares, writes);
  }

  watch(prefix: string, fromRevision: number, watcher: Watcher): () => void {
    const place = { prefix, fromRevision, watcher };
    const watch = new EtcdWatch({ endpoints: this.#endpoints, keys: this.#keys, ...place });
    return () => watch.stop();
  }

  async lease(ttlMs: number): Promise<Lease> {
    return await this.#leases.grant(ttlMs);
  }

  async revoke(leaseId: string): Promise<void> {
    await this.#leases.end(leaseId);
  }

  async close(): Promise<void> {
    this.#addresses?.close();
    await Promise.race([this.#endMarks(), this.#endpoints.pause(closeMsMax)]);
    this.#leases.close();
    this.#endpoints.close();
  }

  async #endMarks(): Promise<void> {
    const lease = await this.#lanes.heldLease();
    // Nobody misses it: it runs out where etcd is not reached.
    await lease?.revoke().catch(() => {});
  }
}
