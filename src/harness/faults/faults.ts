import type { Clock } from "../../base/clock.ts";
import { parseDuration } from "../../base/duration.ts";
import { catalogue } from "../../base/error-catalogue.ts";
import { type ErrorCode, XylemError } from "../../base/errors.ts";
import type { RehearsedCall, RehearsedRequest } from "../../broker/ports/rehearsal.ts";
import { apiNames, type ApiName } from "../../protocol/api-table.ts";
import type { EventTrace } from "../trace/event-trace.ts";
import { type Asked, Fault, type FaultEffect, type FaultWhere, nameOfEffect } from "./fault.ts";
import { type HttpEffect, type HttpFault, HttpFaults, type HttpWhere } from "./http-faults.ts";
import { type DiskOperation, diskError } from "./faulty-disk.ts";
import { Delays } from "./delays.ts";
import { markPlaces, mergeAnswers, narrow, placesOf, type TopicNames } from "./request-places.ts";

/** What happens to the disk: no room is left, writes fail, or a flush takes its time. */
export type DiskEffect = "full" | "broken" | { readonly delay: number | string };

export interface DiskFault {
  /** How often it has struck. */
  readonly count: number;
  /** What it holds back goes on. A partition whose flush failed stays stopped all the same. */
  remove(): void;
}

interface DiskRule {
  readonly effect: DiskEffect;
  readonly topic: string | undefined;
  count: number;
}

const never = new Promise<never>(() => {});

/** APIs whose answer is served first: it says what the request, or the broker, was about. */
const judgedByAnswer: readonly ApiName[] = ["Fetch", "Metadata"];

/** Failures that a test asks for: `faults.on("Produce", { topic: "orders", nth: 3 }, "…")`. */
export class Faults {
  readonly #clock: Clock;
  readonly #trace: EventTrace;
  readonly #delays: Delays;
  readonly #http: HttpFaults;
  readonly #faults = new Set<Fault>();
  readonly #diskRules = new Set<DiskRule>();
  #names: TopicNames = () => undefined;

  constructor(clock: Clock, trace: EventTrace) {
    this.#clock = clock;
    this.#trace = trace;
    this.#delays = new Delays(this.#clock);
    this.#http = new HttpFaults(trace, this.#delays);
  }

  /**
   * Strikes requests of a Kafka API. Where a topic or a partition is named, only that part of a
   * request fails; of a fetch, only one that brings records of it counts.
   */
  on(api: ApiName, where: FaultWhere, effect: FaultEffect): Fault {
    check(api, effect);
    const fault = new Fault({ api, where, effect }, (removed) => {
      this.#faults.delete(removed);
      this.#delays.release(removed);
    });
    this.#faults.add(fault);
    return fault;
  }

  /** Strikes HTTP requests, gRPC's calls included: `{ method: "POST", path: "/v1/…" }`. */
  onHttp(where: HttpWhere, effect: HttpEffect): HttpFault {
    checkEffect(effect);
    return this.#http.add(where, effect);
  }

  /** Makes the disk fail, everywhere or for one topic. */
  onDisk(effect: DiskEffect, { topic }: { readonly topic?: string } = {}): DiskFault {
    const rule: DiskRule = { effect, topic, count: 0 };
    this.#diskRules.add(rule);
    const remove = (): void => {
      this.#diskRules.delete(rule);
      this.#delays.release(rule);
    };
    return {
      get count() {
        return rule.count;
      },
      remove,
    };
  }

  /** Removes all of them; what they hold back goes on. */
  clear(): void {
    this.#faults.clear();
    this.#diskRules.clear();
    this.#http.clear();
    this.#delays.release();
  }

  /** The broker's side: how topic ids are turned into names. */
  bind(names: TopicNames): void {
    this.#names = names;
  }

  /** The broker's side: answers a request, struck or not. */
  answer(request: RehearsedRequest, asked: Asked): unknown {
    if (this.#faults.size === 0) return request.serve(request.body);
    const fault = this.#findStriking(asked, (one) => !isJudgedByAnswer(one));
    if (fault !== undefined) return this.#strike(fault, request);
    const mayStrike = [...this.#faults].some((one) => one.api === asked.api);
    if (!mayStrike) return request.serve(request.body);
    return this.#judgeAnswer(request, asked);
  }

  /** The broker's side: has an HTTP request answered, struck or not. */
  answerCall(call: RehearsedCall): void {
    this.#http.answer(call);
  }

  /** The broker's side, before the disk does something. Undefined: nothing is wrong with it. */
  beforeDisk(operation: DiskOperation, path: string): Promise<void> | undefined {
    for (const rule of this.#diskRules) {
      if (rule.topic !== undefined && !isOfTopic(path, rule.topic)) continue;
      const outcome = this.#strikeDisk(rule, operation, path);
      if (outcome === undefined) continue;
      rule.count += 1;
      const effect = typeof rule.effect === "string" ? rule.effect : "delay";
      this.#trace.add({ kind: "fault", at: "disk", effect });
      return outcome;
    }
    return undefined;
  }

  #strikeDisk(rule: DiskRule, operation: DiskOperation, path: string): Promise<void> | undefined {
    const { effect } = rule;
    if (typeof effect !== "string") {
      const isHeld = operation === "sync";
      return isHeld ? this.#delays.wait(rule, parseDuration(effect.delay)) : undefined;
    }
    if (operation === "read" || (effect === "full" && operation === "sync")) return undefined;
    return Promise.reject(diskError(effect, path));
  }

  #findStriking(asked: Asked, isMeant: (fault: Fault) => boolean): Fault | undefined {
    const striking = [...this.#faults].filter((fault) => isMeant(fault) && fault.strikes(asked));
    const [first] = striking;
    if (first === undefined) return undefined;
    this.#trace.add({ kind: "fault", at: asked.api, effect: nameOfEffect(first.effect) });
    return first;
  }

  async #judgeAnswer(request: RehearsedRequest, asked: Asked): Promise<unknown> {
    const answer = await request.serve(request.body);
    const places = request.api === "Fetch" ? broughtPlaces(answer, this.#names) : asked.places;
    const fault = this.#findStriking({ ...asked, places }, isJudgedByAnswer);
    if (fault === undefined) return answer;
    const { effect } = fault;
    if (effect === "disconnect" || effect === "lose-answer") return cut(request);
    if (typeof effect === "object" && "delay" in effect) {
      await this.#delays.wait(fault, parseDuration(effect.delay));
      return answer;
    }
    const { kafka } = asError(effect);
    return markPlaces(answer, this.#names, kafka, (place) => fault.isAt(place));
  }

  #strike(fault: Fault, request: RehearsedRequest): unknown {
    const { effect } = fault;
    if (effect === "disconnect") return cut(request);
    if (effect === "lose-answer") return serveThenCut(request);
    if (typeof effect === "object" && "delay" in effect) {
      return this.#delay(fault, parseDuration(effect.delay), request);
    }
    const error = asError(effect);
    if (typeof effect === "object") return this.#serveThenRefuse(fault, request, error);
    if (!fault.isPartial) return request.refuse(request.body, error);
    return this.#refusePart(fault, request, error);
  }

  /** Like a request that is late: nothing of its connection overtakes it. */
  #delay(fault: Fault, delayMs: number, request: RehearsedRequest): Promise<unknown> {
    const passed = this.#delays.wait(fault, delayMs);
    const served = passed.then(() => ({ answer: request.serve(request.body) }));
    if (request.api === "Produce") request.hold(served);
    return served.then(({ answer }) => answer);
  }

  async #serveThenRefuse(
    fault: Fault,
    request: RehearsedRequest,
    error: XylemError,
  ): Promise<unknown> {
    const answer = await request.serve(request.body);
    if (answer === undefined) return undefined;
    if (!fault.isPartial) return request.refuse(request.body, error);
    const rest = narrow(answer, this.#names, (place) => !fault.isAt(place));
    return mergeAnswers(rest, this.#refuseNarrowed(fault, request, error));
  }

  async #refusePart(fault: Fault, request: RehearsedRequest, error: XylemError): Promise<unknown> {
    const rest = narrow(request.body, this.#names, (place) => !fault.isAt(place));
    const refused = this.#refuseNarrowed(fault, request, error);
    if (placesOf(rest, this.#names).length === 0) return refused;
    const served = await request.serve(rest);
    return served === undefined ? undefined : mergeAnswers(served, refused);
  }

  #refuseNarrowed(fault: Fault, request: RehearsedRequest, error: XylemError): unknown {
    const struck = narrow(request.body, this.#names, (place) => fault.isAt(place));
    return request.refuse(struck, error);
  }
}

function isJudgedByAnswer(fault: Fault): boolean {
  return fault.isPartial && judgedByAnswer.includes(fault.api);
}

function broughtPlaces(answer: unknown, names: TopicNames) {
  return placesOf(answer, names, (part) => {
    const { records } = part as { readonly records?: { readonly length: number } | null };
    return records !== undefined && records !== null && records.length > 0;
  });
}

function asError(effect: ErrorCode | { readonly error: ErrorCode }): XylemError {
  const code = typeof effect === "string" ? effect : effect.error;
  return new XylemError(code, "a scripted fault");
}

function cut(request: RehearsedRequest): Promise<never> {
  request.disconnect();
  return never;
}

async function serveThenCut(request: RehearsedRequest): Promise<never> {
  await request.serve(request.body);
  return cut(request);
}

/** A partition's folder is the topic's name with its number; `-delete` and the like may follow. */
function isOfTopic(path: string, topic: string): boolean {
  const [folder = ""] = path.split("/", 1);
  return folder.startsWith(`${topic}-`) && /^\d/.test(folder.slice(topic.length + 1));
}

/** Programs without types say anything. */
function check(api: string, effect: FaultEffect): void {
  if (!apiNames.includes(api as ApiName)) {
    throw new XylemError("INVALID_CONFIG", `no API is named ${api}; one is ${apiNames.join(", ")}`);
  }
  checkEffect(effect);
}

function checkEffect(effect: FaultEffect): void {
  const name = nameOfEffect(effect);
  if (name in catalogue || ["delay", "disconnect", "lose-answer"].includes(name)) {
    if (typeof effect === "object" && "delay" in effect) parseDuration(effect.delay);
    return;
  }
  throw new XylemError("INVALID_CONFIG", `there is no effect ${name}`);
}
