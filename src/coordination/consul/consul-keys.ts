import { XylemError } from "../../base/errors.ts";
import type { CoordinatorEntry } from "../../broker/ports/coordinator.ts";

/** Below it are keys of this client's own: nobody is told of them. */
const ownPrefix = "marks/";
/** Nothing is ever written below it. */
const emptyPrefix = "none/";

/** The part of Consul's keys that belongs to one cluster: `xylem/<cluster>/`. */
export class ConsulKeys {
  readonly #base: string;

  constructor(clusterName: string) {
    this.#base = `xylem/${clusterName}/`;
  }

  nameOf(key: string): string {
    return this.#base + key;
  }

  keyOf(name: string): string {
    return name.slice(this.#base.length);
  }

  /** The request for all keys that begin with `prefix`, as a quorum has them. */
  listPath(prefix: string): string {
    const segments = this.nameOf(prefix).split("/").map(encodeURIComponent);
    return `kv/${segments.join("/")}?recurse&consistent`;
  }

  /** The request whose answer tells the index of the newest change of any key in Consul. */
  newestPath(): string {
    return this.listPath(emptyPrefix);
  }

  /** Where this client notes which of its transactions were applied. */
  ownKey(name: string): string {
    return ownPrefix + name;
  }

  isOwn(key: string): boolean {
    return key.startsWith(ownPrefix);
  }

  /** Those of an answer that are not of some client's own. */
  entriesOf(body: unknown): readonly CoordinatorEntry[] {
    if (body === undefined) return [];
    return asList(body).flatMap((item) => {
      const entry = this.entryOf(item);
      return this.isOwn(entry.key) ? [] : [entry];
    });
  }

  /** Throws UNKNOWN_SERVER_ERROR for what is no entry. */
  entryOf(item: unknown): CoordinatorEntry {
    const { Key, Value, ModifyIndex, Session } = item as {
      readonly [Name in "Key" | "Value" | "ModifyIndex" | "Session"]?: unknown;
    };
    const isEntry = typeof Key === "string" && Number.isSafeInteger(ModifyIndex);
    if (!isEntry) throw strange(item);
    return {
      key: this.keyOf(Key),
      value: typeof Value === "string" ? Buffer.from(Value, "base64").toString("utf8") : "",
      revision: ModifyIndex as number,
      ...(typeof Session === "string" && Session !== "" ? { lease: Session } : {}),
    };
  }
}

/** Throws UNKNOWN_SERVER_ERROR for what is none. */
export function asList(body: unknown): readonly unknown[] {
  if (!Array.isArray(body)) throw strange(body);
  return body;
}

function strange(body: unknown): XylemError {
  const shown = (JSON.stringify(body) ?? "nothing").slice(0, shownCharsMax);
  return new XylemError("UNKNOWN_SERVER_ERROR", `Consul answers what it never should: ${shown}`);
}

const shownCharsMax = 200;
