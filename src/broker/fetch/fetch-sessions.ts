import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import type { FetchTarget, TopicReference } from "./fetch-target.ts";

/** What a reader asks for (KIP-227). Epoch 0 begins a session, -1 ends one, others go on. */
export interface SessionRequest {
  readonly sessionId: number;
  readonly sessionEpoch: number;
  readonly usesTopicIds: boolean;
  /** All partitions, or, within a session, those that are new or changed. */
  readonly targets: readonly FetchTarget[];
  readonly forgotten: readonly { readonly topic: TopicReference; readonly index: number }[];
}

/** One fetch of a session, or of none. */
export interface SessionTurn {
  readonly targets: readonly FetchTarget[];
  /** After the fetch: what to answer, and under which session; 0 is none. */
  finish(): { readonly sessionId: number; readonly targets: readonly FetchTarget[] };
  /** The fetch came to nothing; harmless after `finish`. */
  release(): void;
}

interface Session {
  readonly id: number;
  readonly usesTopicIds: boolean;
  readonly createdMs: number;
  readonly targets: Map<string, FetchTarget>;
  nextEpoch: number;
  lastUsedMs: number;
  isBusy: boolean;
}

export interface FetchSessionsOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** `max.incremental.fetch.session.cache.slots`; 0 declines all. */
  readonly slotsMax: () => number;
}

const fullEpoch = 0;
const noneEpoch = -1;
const epochMax = 2_147_483_647;

/** Only a session that was unused, or has lived, so long gives way to another. */
const evictableMs = 120_000;

/**
 * What readers told once and need not repeat with every fetch. Bounded by its slots: a reader that
 * gets none sends full requests.
 */
export class FetchSessions {
  readonly #options: FetchSessionsOptions;
  /** Least recently used first. */
  readonly #sessions = new Map<number, Session>();

  constructor(options: FetchSessionsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#sessions.size;
  }

  /**
   * Throws FETCH_SESSION_ID_NOT_FOUND, FETCH_SESSION_TOPIC_ID_ERROR and
   * INVALID_FETCH_SESSION_EPOCH.
   */
  begin(request: SessionRequest): SessionTurn {
    const { sessionEpoch } = request;
    if (sessionEpoch === fullEpoch || sessionEpoch === noneEpoch) {
      this.#sessions.delete(request.sessionId);
      return this.#beginFull(request);
    }
    const session = this.#find(request);
    session.isBusy = true;
    session.nextEpoch = session.nextEpoch === epochMax ? 1 : session.nextEpoch + 1;
    this.#touch(session);
    applyChanges(session, request);
    return this.#beginIncremental(session);
  }

  #beginFull(request: SessionRequest): SessionTurn {
    const { targets } = request;
    const finish = (): { sessionId: number; targets: readonly FetchTarget[] } => {
      for (const target of targets) target.markSent();
      const isWanted = request.sessionEpoch === fullEpoch && targets.length > 0;
      return { sessionId: isWanted ? this.#create(request) : 0, targets };
    };
    return { targets, finish, release: () => {} };
  }

  #beginIncremental(session: Session): SessionTurn {
    const targets = [...session.targets.values()];
    const release = (): void => {
      session.isBusy = false;
    };
    const finish = (): { sessionId: number; targets: readonly FetchTarget[] } => {
      release();
      if (targets.length === 0) this.#sessions.delete(session.id);
      return { sessionId: targets.length === 0 ? 0 : session.id, targets: takeNews(session) };
    };
    return { targets, finish, release };
  }

  #find({ sessionId, sessionEpoch, usesTopicIds }: SessionRequest): Session {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) {
      throw new XylemError("FETCH_SESSION_ID_NOT_FOUND", `no fetch session ${sessionId}`);
    }
    if (session.usesTopicIds !== usesTopicIds) {
      throw new XylemError("FETCH_SESSION_TOPIC_ID_ERROR", "the session names topics otherwise");
    }
    if (session.nextEpoch !== sessionEpoch || session.isBusy) {
      throw new XylemError(
        "INVALID_FETCH_SESSION_EPOCH",
        `epoch ${sessionEpoch} of session ${sessionId}, expected ${session.nextEpoch}`,
      );
    }
    return session;
  }

  /** The new session's id; 0 when there is no room. */
  #create(request: SessionRequest): number {
    const nowMs = this.#options.clock.monotonicMs();
    if (!this.#makeRoom(request.targets.length, nowMs)) return 0;
    const id = this.#newId();
    const targets = new Map<string, FetchTarget>();
    for (const target of request.targets)
      targets.set(keyOf(target.reference, target.index), target);
    const { usesTopicIds } = request;
    const times = { createdMs: nowMs, lastUsedMs: nowMs };
    this.#sessions.set(id, { id, usesTopicIds, ...times, targets, nextEpoch: 1, isBusy: false });
    return id;
  }

  #makeRoom(targetCount: number, nowMs: number): boolean {
    const slotsMax = this.#options.slotsMax();
    if (this.#sessions.size < slotsMax) return true;
    if (slotsMax <= 0) return false;
    for (const session of this.#sessions.values()) {
      if (session.isBusy) continue;
      const isUnused = nowMs - session.lastUsedMs > evictableMs;
      const isOld = nowMs - session.createdMs > evictableMs;
      if (!isUnused && !(isOld && session.targets.size < targetCount)) continue;
      this.#sessions.delete(session.id);
      return true;
    }
    return false;
  }

  #newId(): number {
    for (;;) {
      const id = this.#options.random.nextUint32() & epochMax;
      if (id !== 0 && !this.#sessions.has(id)) return id;
    }
  }

  #touch(session: Session): void {
    session.lastUsedMs = this.#options.clock.monotonicMs();
    this.#sessions.delete(session.id);
    this.#sessions.set(session.id, session);
  }
}

function applyChanges(session: Session, request: SessionRequest): void {
  for (const { topic, index } of request.forgotten) session.targets.delete(keyOf(topic, index));
  for (const target of request.targets) {
    const key = keyOf(target.reference, target.index);
    const known = session.targets.get(key);
    if (known === undefined) session.targets.set(key, target);
    else known.update(target);
  }
}

/** Those with news, which go to the end: every partition gets its turn to come first. */
function takeNews(session: Session): FetchTarget[] {
  const news: FetchTarget[] = [];
  for (const target of session.targets.values()) if (target.hasNews) news.push(target);
  for (const target of news) {
    target.markSent();
    const key = keyOf(target.reference, target.index);
    session.targets.delete(key);
    session.targets.set(key, target);
  }
  return news;
}

function keyOf({ name, id }: TopicReference, index: number): string {
  const topic = id === undefined ? name : String.fromCharCode(...id);
  return `${topic}/${index}`;
}
