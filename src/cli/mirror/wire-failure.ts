import { catalogue } from "../../base/error-catalogue.ts";
import type { ErrorCode } from "../../base/errors.ts";

interface FailureFacts {
  /** Of Kafka's wire; undefined: no broker said it. */
  readonly code?: number;
  readonly isNetwork?: boolean;
  /** Trying again may help: another word is told if not. */
  readonly isPassing?: boolean;
  /** Trying again is in vain. */
  readonly isFinal?: boolean;
}

/** What a broker refused, or why there was no answer. */
export class WireFailure extends Error {
  override name = "WireFailure";
  readonly facts: FailureFacts;

  constructor(message: string, facts: FailureFacts = {}) {
    super(message);
    this.facts = facts;
  }

  /** `text`: the broker's own words, if it has any. */
  static ofCode(code: number, what: string, text?: string | null): WireFailure {
    const words = text ? `, ${text}` : "";
    return new WireFailure(`${what}: ${nameOfCode(code)}${words}`, { code });
  }

  /** A leader that moves, a broker that starts: trying again helps. */
  get isPassing(): boolean {
    const { code, isNetwork, isPassing } = this.facts;
    if (isNetwork === true || isPassing === true) return true;
    return Object.values(catalogue).some((row) => row.kafka === code && row.retriable);
  }

  is(code: ErrorCode): boolean {
    return this.facts.code === catalogue[code].kafka;
  }
}

function nameOfCode(code: number): string {
  const found = Object.entries(catalogue).find(([, row]) => row.kafka === code);
  return found?.[0] ?? `error ${code}`;
}
