import type { Clock } from "../../../base/clock.ts";
import type { Log } from "../../../base/log.ts";
import type { ChainAsk, Life, LogEnd } from "../../../replication/controller/chain-ask.ts";
import {
  ChainController,
  type LogEndQuestion,
} from "../../../replication/controller/chain-controller.ts";
import type { Refusal } from "../../../replication/controller/suspicions.ts";
import type { BrokerConfigs } from "../../configs/broker-configs.ts";
import type { Compare, Coordinator } from "../../ports/coordinator.ts";
import { topicsPrefix } from "../../topics/topic-entry.ts";
import type { Cluster } from "../cluster.ts";
import { PlanEntries } from "../plans/plan-entries.ts";
import { Plans } from "../plans/plans.ts";
import { ChainWriter } from "./chain-writer.ts";
import { clearOrphans } from "./clear-orphans.ts";
import { controllerKey, formatController } from "./controller-entry.ts";
import { ControllerView } from "./controller-view.ts";
import type { ProcessWatch } from "./process-watch.ts";

export interface ControllerOptions {
  readonly cluster: Cluster;
  readonly coordinator: Coordinator;
  readonly configs: BrokerConfigs;
  readonly clock: Clock;
  readonly log: Log;
  /** Asks a node where logs of its end; what it does not know is left out. */
  readonly askLogEnds: (question: LogEndQuestion) => Promise<readonly LogEnd[]>;
  /** Absent where nodes are not linked: their leases alone tell who is there. */
  readonly watch?: ProcessWatch | undefined;
  /** Dials a node, if there is no link to it. */
  readonly probe: (nodeId: number) => void;
}

/** How chains are looked after. */
const rules = {
  returnWaitMs: 1_000,
  handOverMs: 10_000,
  restMs: 10_000,
  restoredRestMs: 10_000,
  suspectMs: 5_000,
  joinsPerNodeMax: 256,
  looksMax: 1_024,
};
/** What a coordinator may take longer to end a lease. */
const leaseMarginMs = 1_000;
/** Chains that change to their preferred heads at once. */
const headsAtOnceMax = 100;
/** Between two tries after the coordinator has failed. */
const retryMs = 500;
/** Between two looks for chains without a topic. */
const sweepMs = 60_000;
/** Between two claims of an office whose holder seems to be gone, if the first lives on. */
const deposeMs = 10_000;

/** What a node does while it holds the controller's key. */
interface Term {
  readonly view: ControllerView;
  readonly controller: ChainController;
  readonly plans: Plans;
  readonly writer: ChainWriter;
  /** The key as it was claimed: all that is written compares it. */
  readonly office: Compare;
  /** Ends the news about topics. */
  readonly stop: () => void;
}

/**
 * The controller as every node has it: it acts on the one that holds the key `controller` under its
 * lease, and decides how chains change. Without it nothing changes; traffic goes on.
 *
 * The key of one whose process is gone is taken before its lease is: if it lives all the same,
 * nothing that it writes holds any more.
 *
 * waiting → (the key is free: claimed) → in office → (the key is another's, or gone) → waiting.
 */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #leave: (() => void)[];
  #term: Term | undefined;
  #isClaiming = false;
  #isOpening = false;
  #isDeciding = false;
  #isDue = false;
  #isCaring = false;
  #isClosed = false;
  /** Whose office this node claimed last before a lease was over, and when. */
  #deposed: (Life & { readonly atMs: number }) | undefined;
  #wake = (): void => {};
  #retry = (): void => {};
  #sweep = (): void => {};
  #work: Promise<void> = Promise.resolve();

  constructor(options: ControllerOptions) {
    this.#options = options;
    const { cluster, configs, watch } = options;
    watch?.attach({
      refused: (suspect) => this.#hearOwnRefusal(suspect),
      linked: (life) => {
        this.#term?.controller.linked(life);
        this.#decideSoon();
      },
      unlinked: (life) => this.#term?.controller.unlinked(life),
    });
    this.#leave = [
      cluster.onImage((news) => {
        this.#term?.view.takeImage(news);
        this.#term?.plans.takeImage(news);
        this.#review();
      }),
      cluster.membership.onChange(() => this.#review()),
      configs.onChange(() => {
        this.#term?.view.takeDefaults();
        this.#decideSoon();
      }),
    ];
    this.#review();
  }

  /** Whether this node is in office. */
  get isActive(): boolean {
    return this.#term !== undefined;
  }

  /** Chains that need a hand, and why; of the node in office. */
  get stuck(): ReadonlyMap<string, string> {
    return this.#term?.controller.stuck ?? new Map();
  }

  /** Of the node in office. */
  get plans(): Plans | undefined {
    return this.#term?.plans;
  }

  /** Takes an ask or a report of a chain's member; false: this node is not in office. */
  ask(ask: ChainAsk): boolean {
    if (this.#term === undefined) return false;
    this.#term.controller.ask(ask, this.#options.clock.monotonicMs());
    this.#decideSoon();
    return true;
  }

  /** Chains are to have their preferred heads; false: this node is not in office. */
  prefer(keys: readonly string[]): boolean {
    if (this.#term === undefined) return false;
    for (const key of keys) this.#term.controller.prefer(key);
    this.#decideSoon();
    return true;
  }

  /** Takes what another node found when it dialed one; false: this node is not in office. */
  hearRefusal(refusal: Refusal): boolean {
    if (this.#term === undefined) return false;
    this.#term.controller.refused(refusal, this.#options.clock.monotonicMs());
    this.#decideSoon();
    return true;
  }

  #hearOwnRefusal(suspect: Life): void {
    const { cluster } = this.#options;
    const from = { id: cluster.nodeId, incarnation: cluster.incarnation };
    if (!this.hearRefusal({ suspect, from })) this.#review();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const leave of this.#leave) leave();
    this.#end();
    this.#retry();
    await this.#work;
  }

  /** In office, or not any more, or a try for it. */
  #review(): void {
    if (this.#isClosed) return;
    const { cluster } = this.#options;
    const { controller } = cluster.image;
    const isOwn = controller?.incarnation === cluster.incarnation;
    const mayAct = isOwn && cluster.membership.lease !== undefined;
    if (this.#term !== undefined && !(mayAct && this.#holds(this.#term.office))) this.#end();
    const isVacant = controller === undefined || (!isOwn && this.#mayDepose(controller));
    if (isVacant && cluster.isStanding) this.#claim();
    else if (mayAct && this.#term === undefined) this.#begin();
    else this.#decideSoon();
  }

  /** The key may have gone and been claimed again without a word of it in between. */
  #holds({ key, revision }: Compare): boolean {
    return this.#options.cluster.feed.revisionOf(key) === revision;
  }

  /** Its process is gone, as this node's own links say. */
  #mayDepose(holder: Life): boolean {
    return this.#options.watch?.isGone(holder) === true && !this.#hasErredLately();
  }

  /** Who was taken for gone not long ago has its lease still. */
  #hasErredLately(): boolean {
    const { cluster, clock } = this.#options;
    if (this.#deposed === undefined) return false;
    const { id, incarnation, atMs } = this.#deposed;
    const isLeased = cluster.image.node(id)?.incarnation === incarnation;
    return isLeased && clock.monotonicMs() - atMs < deposeMs;
  }

  #claim(): void {
    const { cluster, coordinator, clock, log } = this.#options;
    const { lease } = cluster.membership;
    if (this.#isClaiming || lease === undefined) return;
    this.#isClaiming = true;
    const revision = cluster.feed.revisionOf(controllerKey);
    const holder = cluster.image.controller;
    if (revision !== 0 && holder !== undefined) {
      this.#deposed = { ...holder, atMs: clock.monotonicMs() };
      log.info("the controller's process is gone: another one is needed");
    }
    const value = formatController({ id: cluster.nodeId, incarnation: cluster.incarnation });
    coordinator
      .transact([{ key: controllerKey, revision }], [{ key: controllerKey, value, lease }])
      .then(
        // Whoever has it, the image tells.
        () => (this.#isClaiming = false),
        (error: Error) => {
          this.#isClaiming = false;
          log.warn("the controller's key could not be claimed", { why: error.message });
          this.#retryLater();
        },
      );
  }

  #begin(): void {
    if (this.#isOpening) return;
    this.#isOpening = true;
    this.#work = this.#open().then(
      () => {
        this.#isOpening = false;
        this.#review();
      },
      (error: Error) => {
        this.#isOpening = false;
        this.#options.log.warn("the controller did not begin", { why: error.message });
        this.#retryLater();
      },
    );
  }

  async #open(): Promise<void> {
    const { cluster, coordinator, configs, clock, log, watch } = this.#options;
    let readAt = 0;
    const following = cluster.feed.followLater(topicsPrefix, ({ changes, isAnew }) => {
      const news = changes.filter(({ revision }) => isAnew || revision > readAt);
      this.#term?.view.takeTopics(news);
      this.#decideSoon();
    });
    const { entries, revision } = await coordinator.read(topicsPrefix);
    readAt = revision;
    const office = { key: controllerKey, revision: cluster.feed.revisionOf(controllerKey) };
    const planned = await PlanEntries.open(coordinator, office);
    const isOwn = cluster.image.controller?.incarnation === cluster.incarnation;
    if (this.#isClosed || !isOwn || !this.#holds(office)) return following.stop();
    const view = new ControllerView(cluster, configs, entries);
    const self = { id: cluster.nodeId, incarnation: cluster.incarnation };
    const { settings } = configs;
    const leaseMs = settings["cluster.lease.ms"];
    const controller = new ChainController(view.image, {
      ...rules,
      selfId: self.id,
      isHeard: (life) => watch?.isHeard(life) ?? true,
      unheardMs: (coordinator.leaseLastsMs?.(leaseMs) ?? leaseMs) + leaseMarginMs,
      headsAtOnceMax: settings["auto.leader.rebalance.enable"] ? headsAtOnceMax : 0,
      preferredAfterMs: settings["leader.imbalance.check.interval.seconds"] * 1_000,
    });
    const isBehindLogs = (key: string): boolean => controller.isBehindLogs(key);
    const planning = { cluster, coordinator, image: view.image, office, log, isBehindLogs };
    const plans = new Plans(planning, planned);
    const writer: ChainWriter = new ChainWriter({
      ...this.#options,
      office,
      isInOffice: () => this.#term?.writer === writer,
      onRefused: (key) => this.#decideAnew({ controller, plans }, key),
    });
    this.#term = { view, controller, plans, writer, office, stop: following.stop };
    following.release();
    watch?.tellAll(cluster.image.nodes, {
      refused: (suspect) => controller.refused({ suspect, from: self }, clock.monotonicMs()),
      linked: (life) => controller.linked(life),
      unlinked: (life) => controller.unlinked(life),
    });
    log.info("this node is the controller", { nodeId: cluster.nodeId });
    this.#sweepOrphans();
  }

  #end(): void {
    this.#wake();
    this.#sweep();
    if (this.#term === undefined) return;
    this.#term.stop();
    this.#term = undefined;
    this.#options.log.info("this node is the controller no longer");
  }

  #retryLater(): void {
    if (this.#isClosed) return;
    this.#retry();
    this.#retry = this.#options.clock.schedule(retryMs, () => this.#review());
  }

  #decideSoon(): void {
    this.#isDue = true;
    if (this.#isDeciding || this.#term === undefined) return;
    this.#isDeciding = true;
    this.#work = this.#decideAll().finally(() => {
      this.#isDeciding = false;
      if (this.#isDue) this.#decideSoon();
    });
  }

  async #decideAll(): Promise<void> {
    while (this.#isDue && this.#term !== undefined) {
      this.#isDue = false;
      const term = this.#term;
      const { clock, cluster } = this.#options;
      // Whom the old state takes for dead, or for the head, is not to be acted on. What is heard
      // meanwhile counts: chains that are older than logs wait from then on.
      const restedMs = cluster.restoredMs + rules.restoredRestMs;
      if (clock.monotonicMs() < restedMs) return this.#wakeAt(restedMs);
      const plan = term.plans.step();
      for (const key of plan.prefers) term.controller.prefer(key);
      const decision = term.controller.decide(clock.monotonicMs());
      for (const question of decision.questions) void this.#askLogEnds(term, question);
      for (const nodeId of decision.probes) this.#options.probe(nodeId);
      await Promise.all([
        term.writer.write(decision.changes),
        term.writer.write(plan.changes, plan.guard),
      ]);
      if (plan.needsCare) this.#careForPlan(term);
      if (decision.hasMore) this.#isDue = true;
      this.#wakeAt(decision.wakeMs);
    }
  }

  #wakeAt(wakeMs: number | undefined): void {
    this.#wake();
    if (wakeMs === undefined || this.#term === undefined) return;
    const { clock } = this.#options;
    // What is due but for a rounding would be looked at again and again.
    const delayMs = Math.max(1, wakeMs - clock.monotonicMs());
    this.#wake = clock.schedule(delayMs, () => this.#decideSoon());
  }

  #decideAnew({ controller, plans }: Pick<Term, "controller" | "plans">, key: string): void {
    controller.retry(key);
    plans.retry(key);
  }

  #careForPlan(term: Term): void {
    if (this.#isCaring) return;
    this.#isCaring = true;
    const done = (): void => {
      this.#isCaring = false;
      this.#decideSoon();
    };
    term.plans.care().then(done, (error: Error) => {
      this.#options.log.warn("the plan could not be looked after", { why: error.message });
      this.#options.clock.schedule(retryMs, done);
    });
  }

  async #askLogEnds(term: Term, question: LogEndQuestion): Promise<void> {
    const { askLogEnds, log } = this.#options;
    try {
      for (const end of await askLogEnds(question)) term.controller.tell(end);
      if (this.#term === term) this.#decideSoon();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.warn("a node did not say where its logs end", { nodeId: question.nodeId, why });
    }
  }

  #sweepOrphans(): void {
    if (this.#term === undefined) return;
    const { clock, log } = this.#options;
    clearOrphans(this.#options, this.#term.office).catch((error: Error) => {
      log.warn("chains without a topic could not be looked for", { why: error.message });
    });
    this.#sweep = clock.schedule(sweepMs, () => this.#sweepOrphans());
  }
}
