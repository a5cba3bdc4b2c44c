import type { ChainAsk, Life, LogEnd } from "../../../replication/controller/chain-ask.ts";
import type { LogEndQuestion } from "../../../replication/controller/chain-controller.ts";
import type { Refusal } from "../../../replication/controller/suspicions.ts";
import { topicsPrefix } from "../../topics/topic-entry.ts";
import { PlanEntries } from "../plans/plan-entries.ts";
import type { Plans } from "../plans/plans.ts";
import { clearOrphans } from "./clear-orphans.ts";
import { ControllerTerm, leaseEndsMs, type TermParts } from "./controller-term.ts";
import { Office } from "./office.ts";
import { Reach } from "./reach.ts";

export interface ControllerOptions extends TermParts {
  /** Asks a node where logs of its end; what it does not know is left out. */
  readonly askLogEnds: (question: LogEndQuestion) => Promise<readonly LogEnd[]>;
  /** Dials a node, if there is no link to it. */
  readonly probe: (nodeId: number) => void;
}

/** Between two tries after the coordinator has failed. */
const retryMs = 500;
/** Between two looks whether others are reached. */
const reachMs = 1_000;
/** Between two looks for chains without a topic. */
const sweepMs = 60_000;

/**
 * The controller as every node has it: it acts on the one that holds the key `controller` under its
 * lease, and decides how chains change. Without it nothing changes; traffic goes on.
 *
 * waiting → (the key is free: claimed) → in office → (the key is another's, or gone) → waiting;
 * in office → (reaches no other node) → waiting, until another one claims it or none does.
 */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #office: Office;
  readonly #reach: Reach;
  readonly #leave: (() => void)[];
  readonly #openedMs: number;
  #term: ControllerTerm | undefined;
  #isOpening = false;
  #isDeciding = false;
  #isDue = false;
  #isCaring = false;
  #isClosed = false;
  #wake = (): void => {};
  #retry = (): void => {};
  #sweep = (): void => {};
  #look = (): void => {};
  #work: Promise<void> = Promise.resolve();

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#office = new Office(options);
    this.#reach = new Reach({ ...options, leaseEndsMs: leaseEndsMs(options) });
    const { cluster, configs, watch, clock } = options;
    this.#openedMs = clock.monotonicMs();
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

  /**
   * Takes an ask or a report of a chain's member; false: this node is not in office, or is to give
   * it up.
   */
  ask(ask: ChainAsk): boolean {
    if (this.#term === undefined || this.#isBlind(ask)) return false;
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

  /** Who reaches nobody has nobody cut for that. */
  #isBlind({ kind, from }: ChainAsk): boolean {
    return kind === "report" && from.id === this.#options.cluster.nodeId && this.#reach.isAlone;
  }

  #hearOwnRefusal(suspect: Life): void {
    const { cluster } = this.#options;
    const from = { id: cluster.nodeId, incarnation: cluster.incarnation };
    // What refuses all dials is perhaps on the way.
    if (this.#reach.isAlone || !this.hearRefusal({ suspect, from })) this.#review();
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
    const mayAct = this.#office.isOwn && cluster.membership.lease !== undefined;
    const mayStay = mayAct && this.#term !== undefined && this.#office.isStill(this.#term.office);
    if (this.#term !== undefined && !mayStay) this.#end();
    if (this.#office.isVacant && cluster.isStanding) this.#claim();
    else if (mayAct && this.#term === undefined) this.#begin();
    else this.#decideSoon();
  }

  #claim(): void {
    if (this.#office.isLeftToOthers && this.#reach.isAlone) return this.#retryLater();
    this.#office.claim(() => this.#retryLater());
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
    const { cluster, coordinator, log, watch } = this.#options;
    let readAt = 0;
    const following = cluster.feed.followLater(topicsPrefix, ({ changes, isAnew }) => {
      const news = changes.filter(({ revision }) => isAnew || revision > readAt);
      this.#term?.view.takeTopics(news);
      this.#decideSoon();
    });
    const { entries: topics, revision } = await coordinator.read(topicsPrefix);
    readAt = revision;
    const office = this.#office.key;
    const planned = await PlanEntries.open(coordinator, office);
    const isStill = this.#office.isOwn && this.#office.isStill(office);
    if (this.#isClosed || !isStill) return following.stop();
    const standingSinceMs = Math.max(this.#openedMs, cluster.membership.leasedSinceMs);
    const start = { office, topics, planned, standingSinceMs, stopNews: following.stop };
    const term = (this.#term = new ControllerTerm(this.#options, start));
    following.release();
    watch?.tellAll(cluster.image.nodes, term.processes);
    log.info("this node is the controller", { nodeId: cluster.nodeId });
    this.#sweepOrphans();
    this.#reach.begin();
    this.#lookAround();
  }

  #lookAround(): void {
    const { clock, log } = this.#options;
    if (this.#term === undefined) return;
    this.#look = clock.schedule(reachMs, () => this.#lookAround());
    if (!this.#reach.look()) return;
    log.warn("this node reaches no other, only the coordinator: another controller is needed");
    this.#office.resign().catch((error: Error) => {
      log.warn("the controller's key could not be given up", { why: error.message });
    });
  }

  #end(): void {
    this.#wake();
    this.#sweep();
    this.#look();
    if (this.#term === undefined) return;
    this.#term.end();
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
      const { clock } = this.#options;
      // Whom the old state takes for dead, or for the head, is not to be acted on. What is heard
      // meanwhile counts: chains that are older than logs wait from then on.
      if (clock.monotonicMs() < term.restedMs) return this.#wakeAt(term.restedMs);
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

  #careForPlan(term: ControllerTerm): void {
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

  async #askLogEnds(term: ControllerTerm, question: LogEndQuestion): Promise<void> {
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
