import type { ErrorCode } from "../../base/errors.ts";
import type { ApiName } from "../../protocol/api-table.ts";
import type { Place } from "./request-places.ts";

/** Which requests a fault is for: all of its API that fit what is given. */
export interface FaultWhere {
  readonly topic?: string;
  readonly partition?: number;
  readonly clientId?: string;
  readonly group?: string;
  /** Not before the nth request that fits; 1 is the first. */
  readonly nth?: number;
  /** How many are struck, from there on. With `nth` one, else all. */
  readonly times?: number;
}

/**
 * What happens instead. An error code: nothing is done, that is answered. With `served` it is done
 * all the same. `disconnect`: the connection ends, nothing is done. `lose-answer`: it is done, and
 * the connection ends instead of the answer. A delay is time of the broker's clock.
 */
export type FaultEffect =
  | ErrorCode
  | { readonly error: ErrorCode; readonly served: true }
  | { readonly delay: number | string }
  | "disconnect"
  | "lose-answer";

/** A request as rules look at it. */
export interface Asked {
  readonly api: ApiName;
  readonly clientId: string;
  readonly group: string;
  readonly places: readonly Place[];
}

/** A fault in force until it is removed or used up. */
export class Fault {
  readonly api: ApiName;
  readonly where: FaultWhere;
  readonly effect: FaultEffect;
  readonly #onRemove: (fault: Fault) => void;
  #seenCount = 0;
  #struckCount = 0;

  constructor(
    rule: { readonly api: ApiName; readonly where: FaultWhere; readonly effect: FaultEffect },
    onRemove: (fault: Fault) => void,
  ) {
    this.api = rule.api;
    this.where = rule.where;
    this.effect = rule.effect;
    this.#onRemove = onRemove;
  }

  /** How often it has struck. */
  get count(): number {
    return this.#struckCount;
  }

  /** What it holds back goes on. */
  remove(): void {
    this.#onRemove(this);
  }

  /** Names a topic or a partition: other parts of a request are served as usual. */
  get isPartial(): boolean {
    return this.where.topic !== undefined || this.where.partition !== undefined;
  }

  isAt({ topic, partition }: Place): boolean {
    const { where } = this;
    if (where.topic !== undefined && where.topic !== topic) return false;
    return where.partition === undefined || where.partition === partition;
  }

  /** Counts a request that fits; whether it is struck. */
  strikes(asked: Asked): boolean {
    const { nth, times = nth === undefined ? Infinity : 1 } = this.where;
    if (!this.#fits(asked)) return false;
    this.#seenCount += 1;
    const first = nth ?? 1;
    const isStruck = this.#seenCount >= first && this.#seenCount < first + times;
    if (isStruck) this.#struckCount += 1;
    return isStruck;
  }

  #fits(asked: Asked): boolean {
    const { clientId, group } = this.where;
    if (asked.api !== this.api) return false;
    if (clientId !== undefined && clientId !== asked.clientId) return false;
    if (group !== undefined && group !== asked.group) return false;
    return !this.isPartial || asked.places.some((place) => this.isAt(place));
  }
}

/** As a trace shows it. */
export function nameOfEffect(effect: FaultEffect): string {
  if (typeof effect === "string") return effect;
  return "delay" in effect ? "delay" : effect.error;
}
