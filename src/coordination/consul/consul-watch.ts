import type { Change, CoordinatorState, Watcher } from "../../broker/ports/coordinator.ts";
import type { ConsulAgent, ConsulAgents } from "./consul-agents.ts";
import type { ConsulKeys } from "./consul-keys.ts";
import { notFound, readPrefix, revisionsOf, type KnownStates } from "./consul-read.ts";

export interface ConsulWatchOptions {
  readonly agents: ConsulAgents;
  readonly keys: ConsulKeys;
  readonly known: KnownStates;
  readonly prefix: string;
  readonly fromRevision: number;
  readonly watcher: Watcher;
}

/** Consul answers a query for changes after that time, and up to a 16th more, if there are none. */
const waitMs = 10_000;
/** A connection that carries nothing more is noticed after the wait and this. */
const overdueMs = 2_000;
const answerMsMax = waitMs + waitMs / 16 + overdueMs;
/** Between attempts to watch; doubled each time. */
const pauseMsMin = 50;
const pauseMsMax = 1_000;

/**
 * One watch: asks for the whole state below a prefix whenever it changes, and tells how it differs
 * from what was told before. Consul has no history: who begins at a revision whose state this
 * client has not read is told to read again.
 */
export class ConsulWatch {
  readonly #options: ConsulWatchOptions;
  readonly #stop = new AbortController();
  /** Which revision wrote each key, as it was told. */
  #known: ReadonlyMap<string, number> | undefined;
  #revision: number;
  #pauseMs = pauseMsMin;

  constructor(options: ConsulWatchOptions) {
    this.#options = options;
    this.#revision = options.fromRevision;
    this.#known = options.known.find(options.prefix, options.fromRevision);
    void this.#run();
  }

  stop(): void {
    this.#stop.abort();
  }

  get #isOver(): boolean {
    return this.#stop.signal.aborted || this.#options.agents.closing.aborted;
  }

  async #run(): Promise<void> {
    const { agents } = this.#options;
    // Nobody is told before `watch` has returned.
    await agents.pause(0);
    if (this.#known === undefined) this.#endInGap();
    while (!this.#isOver) {
      const agent = agents.at();
      try {
        await this.#follow(agent);
      } catch (error) {
        if (this.#isOver) return;
        agents.leave(agent, error);
        await agents.pause(this.#pauseMs);
        this.#pauseMs = Math.min(this.#pauseMs * 2, pauseMsMax);
      }
    }
  }

  /** Until the index of the list tells less than what was told already. */
  async #follow(agent: ConsulAgent): Promise<void> {
    const { agents, keys, prefix } = this.#options;
    const state = await readPrefix(agents, keys, prefix);
    this.#take(state);
    let { index } = state;
    const stop = this.#stop.signal;
    while (!this.#isOver) {
      const path = `${keys.listPath(prefix)}&index=${Math.max(1, index)}&wait=${waitMs}ms`;
      const request = { path, alsoTaken: [notFound] };
      const answer = await agents.attempt(agent, request, { timeoutMs: answerMsMax, stop });
      this.#pauseMs = pauseMsMin;
      if (answer.index === index) {
        await agents.pause(pauseMsMin);
        continue;
      }
      if (answer.index <= this.#revision) return;
      index = answer.index;
      this.#take({ revision: index, entries: keys.entriesOf(answer.body) });
    }
  }

  /** A state that is whole at its revision. */
  #take({ revision, entries }: CoordinatorState): void {
    if (this.#isOver || this.#known === undefined) return;
    const left = new Set(this.#known.keys());
    const changes: Change[] = [];
    for (const entry of entries) {
      if (this.#known.get(entry.key) !== entry.revision) changes.push(entry);
      left.delete(entry.key);
    }
    // The revision of a deletion is forgotten; it lies between the two states.
    for (const key of left) changes.push({ key, value: null, revision });
    // Another history: Consul lost its data, or was restored from a backup.
    const hasFallen = revision < this.#revision;
    if (hasFallen || changes.some((change) => change.revision <= this.#revision)) {
      this.#endInGap();
      return;
    }
    if (revision === this.#revision) return;
    this.#revision = revision;
    this.#known = revisionsOf(entries);
    this.#options.watcher.onChanges(revision, changes);
  }

  #endInGap(): void {
    if (this.#isOver) return;
    this.stop();
    this.#options.watcher.onGap();
  }
}
