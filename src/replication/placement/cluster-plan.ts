import { assert } from "../../base/assert.ts";
import { parseJsonObject } from "../../base/json-object.ts";
import type { Move } from "./plan-replicas.ts";

/** A committed plan, as the coordinator keeps it: `plan` and its moves below `plan/<id>/`. */
export interface ClusterPlan {
  readonly id: string;
  readonly state: PlanState;
  /** Moves that copy at the same time. */
  readonly movesAtOnceMax: number;
  /** None any more of a plan that has ended. */
  readonly moves: readonly Move[];
  /** Of a plan that has ended: what came of its moves. */
  readonly outcome?: PlanOutcome;
}

export interface PlanOutcome {
  readonly done: number;
  /** Their partition is gone, was reassigned by somebody else, or the plan was cancelled. */
  readonly skipped: number;
  readonly doneBytes: number;
}

/** `paused`: what copies goes on, nothing new begins. `cancelled`: what copies goes back. */
export type PlanState = "running" | "paused" | "cancelled" | "done";

export const planKey = "plan";
/** Keeps an entry far below what coordinators take, Consul's 512 KiB. */
const movesPerEntry = 500;

/** Moves are many: they are written first, and the plan is there when its own entry is. */
export function formatPlan(plan: ClusterPlan): {
  readonly head: string;
  readonly moves: readonly { readonly key: string; readonly value: string }[];
} {
  const { id, state, movesAtOnceMax, moves, outcome } = plan;
  const entries = Array.from({ length: Math.ceil(moves.length / movesPerEntry) }, (_, at) => {
    const some = moves.slice(at * movesPerEntry, (at + 1) * movesPerEntry);
    return { key: `${planKey}/${id}/${at}`, value: JSON.stringify(some.map(toFields)) };
  });
  return {
    head: JSON.stringify({ id, state, movesAtOnceMax, entries: entries.length, outcome }),
    moves: entries,
  };
}

/** The same plan in another state: its moves stay as they are. */
export function formatPlanState(head: string, state: PlanState): string {
  return JSON.stringify({ ...(JSON.parse(head) as object), state });
}

/** Our own writing: anything else in it is a defect. `valueOf` finds an entry's text by its key. */
export function parsePlan(head: string, valueOf: (key: string) => string | undefined): ClusterPlan {
  const { id, state, movesAtOnceMax, entries, outcome } = parseJsonObject(head) ?? {};
  const isWhole =
    typeof id === "string" &&
    states.has(state) &&
    Number.isSafeInteger(movesAtOnceMax) &&
    Number.isSafeInteger(entries);
  assert(isWhole, `no plan of ours: ${head}`);
  const moves: Move[] = [];
  for (let at = 0; at < (entries as number); at += 1) {
    const text = valueOf(`${planKey}/${id}/${at}`);
    assert(text !== undefined, `moves ${at} of plan ${id} are missing`);
    moves.push(...parseMoves(text));
  }
  return {
    id,
    state: state as PlanState,
    movesAtOnceMax: movesAtOnceMax as number,
    moves,
    ...(outcome === undefined ? {} : { outcome: outcome as PlanOutcome }),
  };
}

const states: ReadonlySet<unknown> = new Set<PlanState>(["running", "paused", "cancelled", "done"]);

function parseMoves(text: string): Move[] {
  const moves = JSON.parse(text) as MoveFields[];
  const isMove = (one: MoveFields): boolean =>
    Array.isArray(one) && typeof one[0] === "string" && one[1].length > 0 && one[2].length > 0;
  assert(Array.isArray(moves) && moves.every(isMove), `no moves of ours: ${text}`);
  return moves.map(toMove);
}

type MoveFields = readonly [
  key: string,
  from: readonly number[],
  to: readonly number[],
  sizeBytes: number,
];

function toFields({ key, from, to, sizeBytes }: Move): MoveFields {
  return [key, from, to, sizeBytes];
}

function toMove([key, from, to, sizeBytes]: MoveFields): Move {
  return { key, from, to, sizeBytes };
}
