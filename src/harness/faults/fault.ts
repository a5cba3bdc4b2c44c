import type { ErrorCode } from "../../base/errors.ts";
import type { ApiName } from "../../protocol/api-table.ts";
import type { Place } from "./request-places.ts";
import { StrikeCount, type StrikeRange } from "./strike-count.ts";

/** Which requests a fault is for: all of its API that fit what is given. */
export interface FaultWhere extends StrikeRange {
  readonly topic?: string;
  readonly partition?: number;
  readonly clientId?: string;
  readonly group?: string;
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
  readonly #strikes: StrikeCount;

  constructor(
    rule: { readonly api: ApiName; readonly where: FaultWhere; readonly effect: FaultEffect },
    onRemove: (fault: Fault) => void,
  ) {
    this.api = rule.api;
    this.where = rule.where;
    this.effect = rule.effect;
    this.#strikes = new StrikeCount(rule.where);
    this.#onRemove = onRemove;
  }

  /** How often it has struck. */
  get count(): number {
    return this.#strikes.struck;
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
    return this.#fits(asked) && this.#strikes.next();
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
