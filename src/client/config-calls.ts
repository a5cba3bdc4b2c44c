import type { Config, ConfigChanges } from "./answers.ts";
import { type CallOptions, type NodeCalls, part } from "./node-calls.ts";

export type ConfigKind = "topics" | "brokers" | "groups";

/** Configs with where they come from; `default` of `brokers` is all nodes. */
export class ConfigCalls {
  readonly #calls: NodeCalls;

  constructor(calls: NodeCalls) {
    this.#calls = calls;
  }

  /** The settings of the node that answers. */
  ofNode(signal?: AbortSignal): Promise<readonly Config[]> {
    return this.#ask("GET", "/v1/configs", { isRepeatable: true, signal });
  }

  of(kind: ConfigKind, name: string, signal?: AbortSignal): Promise<readonly Config[]> {
    return this.#ask("GET", pathOf(kind, name), { isRepeatable: true, signal });
  }

  /** All that are named, or none. */
  change(
    kind: ConfigKind,
    name: string,
    change: {
      readonly configs: ConfigChanges;
      /** They are only checked. */
      readonly validateOnly?: boolean;
      readonly signal?: AbortSignal;
    },
  ): Promise<readonly Config[]> {
    const { configs, validateOnly, signal } = change;
    const query = { "validate-only": validateOnly };
    return this.#ask("PATCH", pathOf(kind, name), { json: { configs }, query, signal });
  }

  async #ask(method: string, path: string, options: CallOptions): Promise<readonly Config[]> {
    return (await this.#calls.json<{ configs: Config[] }>(method, path, options)).configs;
  }
}

function pathOf(kind: ConfigKind, name: string): string {
  return `/v1/configs/${kind}/${part(name)}`;
}
