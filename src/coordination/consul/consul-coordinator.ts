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
import { MarkLanes } from "../mark-lanes.ts";
import { parseEndpoints, urlOf } from "../parse-endpoints.ts";
import type { AddressSource } from "../srv/address-source.ts";
import { ConsulAgents } from "./consul-agents.ts";
import { ConsulKeys } from "./consul-keys.ts";
import { KnownStates, readPrefix } from "./consul-read.ts";
import { ConsulSessions } from "./consul-sessions.ts";
import { ConsulTransactions } from "./consul-transactions.ts";
import { ConsulWatch } from "./consul-watch.ts";

export interface ConsulCoordinatorOptions {
  /** As the setting `coordinator` says it: `consul://host:port,host:port`. */
  readonly address: string;
  /** Says the agents in place of the address, and is closed with the coordinator. */
  readonly addresses?: AddressSource | undefined;
  /** Its keys lie below `xylem/<name>/`. No `/` in it. */
  readonly clusterName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The shortest session that the agents grant; 10 s, which is Consul's own bound. */
  readonly leaseMsMin?: number;
}

const portInitial = 8500;
const leaseMsMinInitial = 10_000;
/** Of what tells which transactions were applied, after this client is gone. */
const marksTtlMs = 60_000;
/** For what a close tidies up; what stays runs out by itself. */
const closeMsMax = 1_000;
const nonceBytes = 12;

/**
 * Consul, from 1.7 on, as the coordinator of several nodes. Nothing is sent before the first call;
 * an agent that fails is left for the next one.
 */
export class ConsulCoordinator implements Coordinator {
  readonly #addresses: AddressSource | undefined;
  readonly #agents: ConsulAgents;
  readonly #keys: ConsulKeys;
  readonly #known = new KnownStates();
  readonly #sessions: ConsulSessions;
  readonly #lanes: MarkLanes;
  readonly #transactions: ConsulTransactions;

  /** Throws INVALID_CONFIG for an address that names no Consul. */
  constructor(options: ConsulCoordinatorOptions) {
    const { address, addresses, clusterName, clock, random, log } = options;
    const { leaseMsMin: ttlMsMin = leaseMsMinInitial } = options;
    const nonce = (): string => formatBase64Url(random.bytes(nonceBytes));
    const urls = addresses?.current.map(urlOf) ?? parseEndpoints(address, "consul", portInitial);
    const agents = new ConsulAgents({ urls, clock, log, onLeft: () => addresses?.suspect() });
    addresses?.onChanged((changed) => agents.replace(changed.map(urlOf)));
    const keys = new ConsulKeys(clusterName);
    const name = `xylem ${clusterName}`;
    const sessions = new ConsulSessions({ agents, clock, name, ttlMsMin });
    const lanes = new MarkLanes(keys.ownKey(nonce()), () => sessions.grant(marksTtlMs));
    this.#addresses = addresses;
    this.#agents = agents;
    this.#keys = keys;
    this.#sessions = sessions;
    this.#lanes = lanes;
    this.#transactions = new ConsulTransactions({ agents, keys, lanes, nonce });
  }

  async read(prefix: string): Promise<CoordinatorState> {
    const { revision, entries } = await readPrefix(this.#agents, this.#keys, prefix);
    const state = { revision, entries };
    this.#known.note(prefix, state);
    return state;
  }

  async transact(
    compares: readonly Compare[],
    writes: readonly Write[],
  ): Promise<number | undefined> {
    return await this.#transactions.run(compares, writes);
  }

  watch(prefix: string, fromRevision: number, watcher: Watcher): () => void {
    const place = { prefix, fromRevision, watcher };
    const own = { agents: this.#agents, keys: this.#keys, known: this.#known };
    const watch = new ConsulWatch({ ...own, ...place });
    return () => watch.stop();
  }

  async lease(ttlMs: number): Promise<Lease> {
    return await this.#sessions.grant(ttlMs);
  }

  leaseLastsMs(ttlMs: number): number {
    return this.#sessions.lastsMs(ttlMs);
  }

  async revoke(leaseId: string): Promise<void> {
    await this.#sessions.end(leaseId);
  }

  async close(): Promise<void> {
    await Promise.race([this.#endMarks(), this.#agents.pause(closeMsMax)]);
    this.#addresses?.close();
    this.#sessions.close();
    this.#agents.close();
  }

  async #endMarks(): Promise<void> {
    const lease = await this.#lanes.heldLease();
    // Nobody misses it: it runs out where Consul is not reached.
    await lease?.revoke().catch(() => {});
  }
}
