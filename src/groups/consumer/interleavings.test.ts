import fc from "fast-check";
import { expect, test } from "vitest";
import { ConsumerGroupDriver, joining } from "../../../test/support/consumer-group-driver.ts";
import type { CallId } from "../classic/classic-events.ts";
import type { Assignment, ConsumerHeartbeatAnswer } from "./consumer-events.ts";

/** A client as it behaves on the wire: one call at a time; it gives up what it is told to. */
class Client {
  readonly #driver: ConsumerGroupDriver;
  readonly #instanceId: string | null;
  readonly number: number;
  memberId: string;
  topics: readonly string[] = ["a"];
  epoch = 0;
  owned: Assignment = new Map();
  #lives = 0;
  #call: CallId | undefined;
  /** Its last heartbeat may not have been taken: the next one says all. */
  #isUnsure = false;

  constructor(driver: ConsumerGroupDriver, number: number) {
    this.#driver = driver;
    this.number = number;
    this.#instanceId = number % 3 === 0 ? `instance-${number}` : null;
    this.memberId = this.#newId();
  }

  get isIn(): boolean {
    return this.epoch > 0;
  }

  get ownedNames(): string[] {
    return this.#driver.names(this.owned);
  }

  /** One step forward: takes an answer if there is one, else sends a heartbeat. */
  move(isFull: boolean): void {
    if (this.#call !== undefined) return this.#take(this.#call);
    const { memberId, epoch: memberEpoch, owned: ownedPartitions } = this;
    const instanceId = this.#instanceId;
    if (!this.isIn) {
      this.#call = this.#driver.beat(joining(memberId, this.topics, { instanceId }));
      return;
    }
    const own = { memberId, memberEpoch, instanceId, ownedPartitions };
    const all = { ...own, subscribedTopics: this.topics, rebalanceTimeoutMs: 60_000 };
    this.#call = this.#driver.beat(isFull || this.#isUnsure ? all : own);
  }

  /** The answer never arrives; the client asks again, and says all of itself. */
  loseAnswer(): void {
    if (this.#call === undefined) return;
    this.#call = undefined;
    this.move(true);
  }

  subscribe(topics: readonly string[]): void {
    if (this.#call !== undefined || !this.isIn) return;
    this.topics = topics;
    this.move(true);
  }

  leave(isForGood: boolean): void {
    if (this.#call !== undefined || !this.isIn) return;
    const isStatic = this.#instanceId !== null && !isForGood;
    const { memberId } = this;
    const memberEpoch = isStatic ? -2 : -1;
    this.#driver.beat({ memberId, memberEpoch, instanceId: this.#instanceId });
    this.forget();
  }

  /** The process dies and comes back as another member. */
  forget(): void {
    this.#call = undefined;
    this.memberId = this.#newId();
    this.#rejoin();
  }

  #newId(): string {
    return `client-${this.number}-${++this.#lives}`;
  }

  #rejoin(): void {
    this.epoch = 0;
    this.owned = new Map();
  }

  #take(call: CallId): void {
    const answer = this.#driver.answerTo(call);
    if (answer === undefined) return;
    this.#call = undefined;
    this.#isUnsure = answer.error !== null;
    if (answer.error === null) return this.#apply(answer);
    const isFenced = answer.error === "UNKNOWN_MEMBER_ID" || answer.error === "FENCED_MEMBER_EPOCH";
    if (isFenced || answer.error === "GROUP_ID_NOT_FOUND") this.#rejoin();
    if (answer.error === "FENCED_INSTANCE_ID") this.forget();
  }

  #apply(answer: ConsumerHeartbeatAnswer): void {
    expect(answer.memberEpoch, "no member's epoch goes back").toBeGreaterThanOrEqual(this.epoch);
    this.epoch = answer.memberEpoch;
    if (answer.assignment !== null) this.owned = answer.assignment;
  }
}

type Deed =
  | { readonly kind: "move"; readonly client: number; readonly isFull: boolean }
  | { readonly kind: "lose" | "crash"; readonly client: number }
  | { readonly kind: "leave"; readonly client: number; readonly isForGood: boolean }
  | { readonly kind: "subscribe"; readonly client: number; readonly topics: readonly string[] }
  | { readonly kind: "topic"; readonly name: string; readonly partitions: number }
  | { readonly kind: "advance"; readonly durationMs: number }
  | { readonly kind: "written"; readonly isFailed: boolean; readonly isKept: boolean }
  | { readonly kind: "restart" };

const clientCount = 5;
const client = fc.nat(clientCount - 1);
const kind = <K extends string>(name: K) => fc.constant(name);
const isFull = fc.boolean();
const subscription = fc.constantFrom(["a"], ["a", "b"], ["b", "c"], ["c"]);

const deeds: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ kind: kind("move"), client, isFull }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("lose", "crash"), client }) },
  { weight: 1, arbitrary: fc.record({ kind: kind("leave"), client, isForGood: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: kind("subscribe"), client, topics: subscription }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: kind("topic"),
      name: fc.constantFrom("a", "b", "c"),
      partitions: fc.nat(6),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: kind("advance"),
      durationMs: fc.oneof(fc.nat(2_000), fc.nat(70_000)),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: kind("written"),
      isFailed: fc.integer({ min: 0, max: 4 }).map((number) => number === 0),
      isKept: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: kind("restart") }) },
);

function perform(driver: ConsumerGroupDriver, clients: readonly Client[], deed: Deed): void {
  if (deed.kind === "advance") return driver.advance(deed.durationMs);
  if (deed.kind === "restart") return restart(driver, clients);
  if (deed.kind === "topic") return driver.setTopic(deed.name, deed.partitions);
  if (deed.kind === "written") {
    const error = deed.isFailed ? "NOT_COORDINATOR" : null;
    return driver.finishWrites(error, deed.isKept || error === null);
  }
  const actor = clients[deed.client] as Client;
  if (deed.kind === "move") actor.move(deed.isFull);
  if (deed.kind === "lose") actor.loseAnswer();
  if (deed.kind === "crash") actor.forget();
  if (deed.kind === "leave") actor.leave(deed.isForGood);
  if (deed.kind === "subscribe") actor.subscribe(deed.topics);
}

/** No partition is in the hands of two members; who is out of the group can not commit it. */
function expectOneOwner(driver: ConsumerGroupDriver, clients: readonly Client[]): void {
  const owners = new Map<string, string>();
  for (const one of clients.filter(({ isIn }) => isIn)) {
    const { memberId, epoch: generation } = one;
    const isMember = driver.group.find(memberId) !== undefined;
    for (const [topicId, partitions] of one.owned) {
      for (const partition of partitions) {
        const committer = { memberId, instanceId: null, generation };
        const refused = driver.group.checkCommit(committer, [{ topicId, partition }]);
        expect(isMember || refused !== null || driver.group.memberCount === 0).toBe(true);
        if (!isMember) continue;
        const name = `${topicId}-${partition}`;
        expect(owners.get(name), `${name} of ${memberId} has another owner`).toBeUndefined();
        owners.set(name, memberId);
      }
    }
  }
}

/** What somebody was told outlives the process. */
function restart(driver: ConsumerGroupDriver, clients: readonly Client[]): void {
  const members = clients.filter(({ isIn, memberId }) => isIn && driver.group.find(memberId));
  driver.restart();
  for (const { memberId } of members) {
    expect(driver.group.find(memberId)?.memberId, "a member is there again").toBe(memberId);
  }
}

function comeToRest(driver: ConsumerGroupDriver, clients: readonly Client[]): void {
  driver.writesAtOnce = true;
  driver.finishWrites();
  for (let round = 0; round < 150; round++) {
    for (const one of clients) one.move(false);
    expectOneOwner(driver, clients);
    driver.advance(1_000);
  }
}

test.each([0, 1_000])(
  "whatever happens in whatever order, a group comes to rest (assignment interval %i ms)",
  (assignmentIntervalMs) => {
    const run = (script: readonly Deed[]): void => {
      const driver = new ConsumerGroupDriver({ assignmentIntervalMs, topics: { a: 4, b: 3 } });
      driver.writesAtOnce = false;
      const clients = Array.from({ length: clientCount }, (_, at) => new Client(driver, at));
      for (const deed of script) {
        perform(driver, clients, deed);
        expectOneOwner(driver, clients);
        const told = Math.max(...clients.map(({ epoch }) => epoch));
        expect(driver.group.epoch, "no epoch that was told goes back").toBeGreaterThanOrEqual(told);
      }
      comeToRest(driver, clients);
      expect(driver.group.phase).toBe("Stable");
      expect(driver.group.memberCount).toBe(clientCount);
      const topics = new Set(clients.flatMap((one) => one.topics));
      const wanted = [...driver.topics.values()]
        .filter(({ name }) => topics.has(name))
        .flatMap(({ name, partitionCount: count }) =>
          Array.from({ length: count }, (_, partition) => `${name}-${partition}`),
        );
      const owned = clients.flatMap(({ ownedNames }) => ownedNames);
      expect(owned.toSorted(), "each partition has one owner").toEqual(wanted.toSorted());
      expect(driver.unansweredCount, "every call is answered").toBe(0);
    };
    fc.assert(fc.property(fc.array(deeds, { maxLength: 200, size: "max" }), run), {
      numRuns: 60,
      endOnFailure: true,
    });
  },
  30_000,
);
