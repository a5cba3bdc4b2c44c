import { XylemError } from "../../base/errors.ts";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import { parseUuid } from "../../base/uuid.ts";
import { chainsPrefix, roleOf } from "../../replication/chain-config.ts";
import type { NewerLog, ReplicaAsk } from "../../replication/chain-effect.ts";
import type { ChainAsk } from "../../replication/controller/chain-ask.ts";
import type { ReplicaLimits } from "../../replication/replica-core.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { TellNewer } from "../cluster/replicas/restored-chains.ts";
import type { ChainPlace, RunChain } from "../cluster/replicas/running-chain.ts";
import type { BrokerConfigs } from "../configs/broker-configs.ts";
import type { ReplicaLog } from "../partition/replica/replica-log.ts";
import type { PeerLinks } from "../ports/peer-links.ts";
import type { ChainHost } from "./chain-host.ts";
import { ChainLinks } from "./chain-links.ts";
import { ChainShell } from "./chain-shell.ts";
import { ChainTicks } from "./chain-ticks.ts";
import { CopyLimits } from "./pace/copy-limits.ts";
import { CopyPace } from "./pace/copy-pace.ts";

export interface ChainsOptions {
  readonly cluster: Cluster;
  readonly links: PeerLinks;
  readonly clock: Clock;
  readonly log: Log;
  readonly configs: Pick<BrokerConfigs, "settings" | "store">;
  readonly settings: NodeSettings;
}

/** Tells the controller, wherever it is; rejects when it was not told. */
export type AskController = (ask: ChainAsk) => Promise<void>;

/** What depends on whose chain it is. */
type OwnCalls = "wake" | "want" | "unwant" | "hasRoom" | "onConfigured" | "onUnfit" | "onEnded";

/** When what had no answer is said again. */
const retryMs = 400;
/** Chains look at the time so often while something is under way in them. */
const tickMs = 100;
/** Quiet ones so often in `replica.lag.time.max.ms`. */
const quietTicksPerLag = 8;

/** The chains that this node has replicas of: one timer, and the links between nodes, for all. */
export class Chains {
  readonly #options: ChainsOptions;
  readonly #links: ChainLinks;
  readonly #limits: ReplicaLimits;
  readonly #ticks: ChainTicks;
  /** Of logs that are damaged, or can not be used. */
  readonly #unfit = new Map<string, { readonly place: ChainPlace; readonly log: ReplicaLog }>();
  /** Of logs that are newer than their chains. */
  readonly #fenced = new Map<string, { readonly place: ChainPlace; readonly newer: NewerLog }>();
  readonly #asking = new Set<string>();
  readonly #looking = new Set<string>();
  #askController: AskController | undefined;
  #lastSession = 0;
  readonly #pace: CopyPace;
  #reportedMs = -Infinity;
  #stopTicking: () => void;

  constructor(options: ChainsOptions) {
    const { cluster, links, clock, configs, settings } = options;
    this.#options = options;
    this.#links = new ChainLinks(links);
    this.#limits = {
      lagTimeMaxMs: settings["replica.lag.time.max.ms"],
      retryMs,
      windowBytesMax: settings["replica.window.bytes"],
      appendBytesMax: settings["replica.append.max.bytes"],
    };
    const nowMs = (): number => clock.monotonicMs();
    const limits = new CopyLimits({ cluster, configs, nowMs });
    this.#pace = new CopyPace({ limitsOf: (copy) => limits.of(copy), nowMs });
    const quietMs = settings["replica.lag.time.max.ms"] / quietTicksPerLag;
    this.#ticks = new ChainTicks(Math.floor(quietMs / tickMs));
    this.#stopTicking = clock.schedule(tickMs, () => this.#tick());
  }

  /** Asks are kept back until somebody takes them. */
  attach(ask: AskController): void {
    this.#askController = ask;
  }

  readonly run: RunChain = (log, place) => this.#run(log, place);

  readonly tellNewer: TellNewer = (place, newer) => {
    if (newer === undefined) this.#fenced.delete(place.key);
    else this.#fenced.set(place.key, { place, newer });
  };

  close(): void {
    this.#stopTicking();
    this.#links.close();
  }

  #run(log: ReplicaLog, place: ChainPlace): ChainShell {
    const { key } = place;
    const shell: ChainShell = new ChainShell(log, {
      ...this.#hostOf(place),
      wake: () => this.#ticks.wake(shell),
      want: (nodeId) => {
        const open = this.#links.want(nodeId, shell);
        if (open !== undefined) shell.linkOpened(open.id, open.peer);
      },
      unwant: (nodeId) => this.#links.unwant(nodeId, shell),
      hasRoom: (link) => this.#links.hasRoom(link, shell),
      onConfigured: () => this.#links.hearEarly(key, shell),
      onUnfit: () => void this.#unfit.set(key, { place, log }),
      onEnded: () => {
        this.#links.remove(key, shell);
        this.#ticks.remove(shell);
      },
    });
    this.#unfit.delete(key);
    this.#fenced.delete(key);
    this.#ticks.wake(shell);
    this.#links.add(key, shell);
    shell.begin();
    return shell;
  }

  #hostOf(place: ChainPlace): Omit<ChainHost, OwnCalls> {
    const { clock, log } = this.#options;
    const [topicId = "", partition] = place.key.slice(chainsPrefix.length).split("/");
    const address = { topicId: parseUuid(topicId), partition: Number(partition) };
    return {
      clock,
      log,
      limits: this.#limits,
      place,
      pace: this.#pace,
      nextSession: () => (this.#lastSession += 1),
      send: (link, message, records) => this.#links.send(link, { ...address, message }, records),
      ask: (ask) => this.#ask(place, ask),
      lookAgain: () => this.#lookAgain(place.key),
    };
  }

  #tick(): void {
    this.#ticks.turn();
    this.#pace.tick();
    this.#report();
    this.#stopTicking = this.#options.clock.schedule(tickMs, () => this.#tick());
  }

  /** What the controller has to know of logs that are in no chain. */
  #report(): void {
    if (this.#unfit.size + this.#fenced.size === 0) return;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#reportedMs < retryMs) return;
    this.#reportedMs = nowMs;
    for (const [key, { place, log }] of this.#unfit) {
      // What was damaged in it has been deleted since.
      if (log.unsoundFrom === undefined) this.#unfit.delete(key);
      else this.#reportOwn(place);
    }
    for (const [key, { place, newer }] of this.#fenced) {
      if (this.#options.cluster.image.chains.has(key)) this.#ask(place, newer);
      else this.#fenced.delete(key);
    }
  }

  /** Nobody is ahead of a head: a node says itself what it can not go on with. */
  #reportOwn(place: ChainPlace): void {
    const config = this.#options.cluster.image.chains.get(place.key)?.config;
    if (config === undefined) this.#unfit.delete(place.key);
    const role = config === undefined ? "outsider" : roleOf(config, place.self);
    if (config === undefined || role === "outsider" || role === "solo") return;
    const { epoch } = config;
    this.#ask(place, { kind: "report", epoch, stalled: place.self, isReachable: false });
  }

  #ask({ key, self }: ChainPlace, ask: ReplicaAsk): void {
    const name = `${key} ${ask.kind}`;
    if (this.#askController === undefined || this.#asking.has(name)) return;
    this.#asking.add(name);
    const done = (): void => void this.#asking.delete(name);
    this.#askController({ ...ask, key, from: self }).then(done, (error: Error) => {
      done();
      const fields = { chain: key, ask: ask.kind, why: error.message };
      this.#options.log.debug("the controller was not told", fields);
    });
  }

  /** The feed tells the chain what is there. */
  #lookAgain(key: string): void {
    if (this.#looking.has(key)) return;
    this.#looking.add(key);
    const done = (): void => void this.#looking.delete(key);
    this.#options.cluster.feed.catchUp(key).then(done, (error: unknown) => {
      done();
      if (!(error instanceof XylemError)) throw error;
      this.#options.log.debug("a chain was not looked up", { chain: key, why: error.message });
    });
  }
}
