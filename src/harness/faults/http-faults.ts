import { parseDuration } from "../../base/duration.ts";
import { type ErrorCode, XylemError } from "../../base/errors.ts";
import type { RehearsedCall } from "../../broker/ports/rehearsal.ts";
import type { EventTrace } from "../trace/event-trace.ts";
import type { Delays } from "./delays.ts";
import { StrikeCount, type StrikeRange } from "./strike-count.ts";

/** Which HTTP requests a fault is for: all that fit what is given. */
export interface HttpWhere extends StrikeRange {
  readonly method?: string;
  /** As sent, without the query: `/v1/topics/orders/records`. */
  readonly path?: string;
}

/** As of `FaultEffect`; an error is answered as the HTTP door answers it. */
export type HttpEffect =
  | ErrorCode
  | { readonly delay: number | string }
  | "disconnect"
  | "lose-answer";

/** A fault of the HTTP door in force. */
export interface HttpFault {
  /** How often it has struck. */
  readonly count: number;
  /** What it holds back goes on. */
  remove(): void;
}

interface Rule {
  readonly where: HttpWhere;
  readonly effect: HttpEffect;
  readonly strikes: StrikeCount;
}

/** Failures of the HTTP door, gRPC's calls included. */
export class HttpFaults {
  readonly #trace: EventTrace;
  readonly #delays: Delays;
  readonly #rules = new Set<Rule>();

  constructor(trace: EventTrace, delays: Delays) {
    this.#trace = trace;
    this.#delays = delays;
  }

  add(where: HttpWhere, effect: HttpEffect): HttpFault {
    const rule = { where, effect, strikes: new StrikeCount(where) };
    this.#rules.add(rule);
    const remove = (): void => {
      this.#rules.delete(rule);
      this.#delays.release(rule);
    };
    return {
      get count() {
        return rule.strikes.struck;
      },
      remove,
    };
  }

  clear(): void {
    this.#rules.clear();
  }

  answer(call: RehearsedCall): void {
    const fitting = [...this.#rules].filter(({ where }) => fits(where, call));
    const [rule] = fitting.filter(({ strikes }) => strikes.next());
    if (rule === undefined) return call.serve();
    const { effect } = rule;
    const name = typeof effect === "string" ? effect : "delay";
    this.#trace.add({ kind: "fault", at: "http", effect: name });
    if (effect === "disconnect") return call.disconnect();
    if (effect === "lose-answer") return call.serveUnanswered();
    if (typeof effect === "string") return call.refuse(new XylemError(effect, "a scripted fault"));
    void this.#delays.wait(rule, parseDuration(effect.delay)).then(() => call.serve());
  }
}

function fits({ method, path }: HttpWhere, call: RehearsedCall): boolean {
  return (method ?? call.method) === call.method && (path ?? call.path) === call.path;
}
