import fc from "fast-check";
import { expect, test } from "vitest";
import { GroupDriver, protocol } from "../../../test/support/group-driver.ts";
import type { CallId, JoinRequest } from "./classic-events.ts";

/**
 * A client as it behaves on the wire: at most one call at a time, rejoins when told to, and leads
 * when told so.
 */
class Client {
  readonly #driver: GroupDriver;
  readonly #terms: Partial<JoinRequest>;
  memberId = "";
  generation = -1;
  isStable = false;
  #isLeader = false;
  #memberIds: readonly string[] = [];
  #joining: CallId | undefined;
  #syncing: CallId | undefined;
  #metadata = 0;

  constructor(driver: GroupDriver, number: number) {
    this.#driver = driver;
    const instanceId = number % 3 === 0 ? `instance-${number}` : null;
    const requiresKnownMemberId = number % 2 === 0;
    const name = `client-${number}`;
    this.#terms = { clientId: name, instanceId, requiresKnownMemberId };
  }

  /** One step forward: takes an answer if there is one, else asks for what comes next. */
  move(): void {
    if (this.#joining !== undefined) return this.#takeJoin(this.#joining);
    if (this.#syncing !== undefined) return this.#takeSync(this.#syncing);
    if (this.generation < 0) this.#join();
    else if (this.isStable) this.#beat();
    else this.#sync();
  }

  changeSubscription(): void {
    if (this.#joining !== undefined || this.#syncing !== undefined) return;
    this.#metadata++;
    this.#rejoin();
    this.#join();
  }

  leave(): void {
    if (this.#joining !== undefined || this.#syncing !== undefined) return;
    const { instanceId = null } = this.#terms;
    this.#driver.leaveCall({ memberId: this.memberId, instanceId });
    this.memberId = "";
    this.#rejoin();
  }

  /** The process dies: its calls are answered to nobody, and it comes back as a new one. */
  crash(): void {
    this.#joining = undefined;
    this.#syncing = undefined;
    this.memberId = "";
    this.#rejoin();
  }

  #rejoin(): void {
    this.generation = -1;
    this.isStable = false;
  }

  #join(): void {
    const protocols = [protocol("range", `v${this.#metadata}`)];
    this.#joining = this.#driver.join({ ...this.#terms, memberId: this.memberId, protocols });
  }

  #takeJoin(call: CallId): void {
    if (!this.#driver.isAnswered(call)) return;
    this.#joining = undefined;
    const answer = this.#driver.joined(call);
    if (answer.error === "MEMBER_ID_REQUIRED") this.memberId = answer.memberId;
    else if (answer.error === "REBALANCE_IN_PROGRESS") this.#rejoin();
    else if (answer.error !== null) this.memberId = "";
    if (answer.error !== null) return;
    this.memberId = answer.memberId;
    this.generation = answer.generation;
    this.#isLeader = answer.leader === answer.memberId && !answer.skipAssignment;
    this.#memberIds = answer.members.map(({ memberId }) => memberId);
    if (answer.leader === answer.memberId) expect(this.#memberIds).toContain(this.memberId);
  }

  #sync(): void {
    const assignments = this.#isLeader
      ? this.#memberIds.map((memberId) => ({ memberId, assignment: new Uint8Array([1]) }))
      : [];
    const { memberId, generation } = this;
    const { instanceId = null } = this.#terms;
    this.#syncing = this.#driver.sync({ memberId, generation, instanceId, assignments });
  }

  #takeSync(call: CallId): void {
    if (!this.#driver.isAnswered(call)) return;
    this.#syncing = undefined;
    const { error, assignment } = this.#driver.synced(call);
    if (error !== null) return this.#fail(error);
    expect(assignment, "every member that synced has its assignment").toEqual(new Uint8Array([1]));
    this.isStable = true;
  }

  #beat(): void {
    const { instanceId = null } = this.#terms;
    const error = this.#driver.heartbeat(this.memberId, this.generation, instanceId);
    if (error !== null) this.#fail(error);
  }

  #fail(error: string): void {
    const isStranger = error === "UNKNOWN_MEMBER_ID" || error === "FENCED_INSTANCE_ID";
    if (isStranger) this.memberId = "";
    this.#rejoin();
  }
}

type Deed =
  | { readonly kind: "move" | "change" | "leave" | "crash"; readonly client: number }
  | { readonly kind: "advance"; readonly durationMs: number }
  | { readonly kind: "written"; readonly isFailed: boolean };

const clientCount = 6;
const client = fc.nat(clientCount - 1);

const deeds: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("move" as const), client }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("change" as const), client }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), client }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash" as const), client }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("advance" as const),
      durationMs: fc.oneof(fc.nat(3_000), fc.nat(400_000)),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("written" as const),
      isFailed: fc.boolean(),
    }),
  },
);

function perform(driver: GroupDriver, clients: readonly Client[], deed: Deed): void {
  if (deed.kind === "advance") return driver.advance(deed.durationMs);
  if (deed.kind === "written") return driver.finishWrites(deed.isFailed ? "NOT_COORDINATOR" : null);
  const actor = clients[deed.client];
  if (deed.kind === "move") actor?.move();
  if (deed.kind === "change") actor?.changeSubscription();
  if (deed.kind === "leave") actor?.leave();
  if (deed.kind === "crash") actor?.crash();
}

/** Clients go on by themselves, with a heartbeat every second. */
function comeToRest(driver: GroupDriver, clients: readonly Client[]): void {
  driver.writesAtOnce = true;
  driver.finishWrites();
  for (let round = 0; round < 300; round++) {
    for (const one of clients) one.move();
    driver.advance(1_000);
  }
}

test.each([0, 3_000])(
  "whatever happens in whatever order, a group comes to rest (initial delay %i ms)",
  (initialRebalanceDelayMs) => {
    const run = (script: readonly Deed[]): void => {
      const driver = new GroupDriver({ initialRebalanceDelayMs });
      driver.writesAtOnce = false;
      const clients = Array.from({ length: clientCount }, (_, at) => new Client(driver, at));
      let generation = 0;
      for (const deed of script) {
        perform(driver, clients, deed);
        expect(driver.group.generation).toBeGreaterThanOrEqual(generation);
        generation = driver.group.generation;
      }
      comeToRest(driver, clients);
      expect(driver.group.phase).toBe("Stable");
      expect(driver.group.memberCount).toBe(clientCount);
      for (const one of clients) {
        expect(one).toMatchObject({ isStable: true, generation: driver.group.generation });
      }
      expect(new Set(clients.map(({ memberId }) => memberId)).size).toBe(clientCount);
      expect(driver.unansweredCount, "every call is answered").toBe(0);
    };
    fc.assert(fc.property(fc.array(deeds, { maxLength: 120, size: "max" }), run), {
      numRuns: 60,
      endOnFailure: true,
    });
  },
  30_000,
);
