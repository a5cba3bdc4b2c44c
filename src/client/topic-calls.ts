import type { ConfigChanges, ListedTopic, NewConfigs, TopicDescription } from "./answers.ts";
import { type NodeCalls, part, readNothing } from "./node-calls.ts";

export interface EnsureTopic {
  readonly partitions?: number;
  readonly replicas?: number;
  readonly configs?: NewConfigs;
  /** Insists that the topic is made: rejects with 412 when it is there. */
  readonly isNew?: boolean;
}

export interface ListTopics {
  readonly prefix?: string;
  /** Whether the broker's own come too. */
  readonly internal?: boolean;
  readonly signal?: AbortSignal;
}

/** Topics of the node: made, listed, described, changed, deleted. */
export class TopicCalls {
  readonly #calls: NodeCalls;

  constructor(calls: NodeCalls) {
    this.#calls = calls;
  }

  /** Makes a topic, or makes sure that it is as named; what is not named may be anything. */
  ensure(name: string, wanted: EnsureTopic = {}, signal?: AbortSignal): Promise<TopicDescription> {
    const { isNew = false, ...json } = wanted;
    return this.#calls.json("PUT", pathOf(name), {
      json,
      ...(isNew && { headers: { "if-none-match": "*" } }),
      isRepeatable: !isNew,
      signal,
    });
  }

  /** All of them by name, asked for a page at a time. */
  async *list(options: ListTopics = {}): AsyncGenerator<ListedTopic, void, undefined> {
    const { signal, prefix, internal } = options;
    let after: string | undefined;
    do {
      const query = { prefix, internal, after };
      const call = { query, signal, isRepeatable: true };
      const page = await this.#calls.json<{ topics: ListedTopic[]; next: string | null }>(
        "GET",
        "/v1/topics",
        call,
      );
      yield* page.topics;
      after = page.next ?? undefined;
    } while (after !== undefined);
  }

  describe(
    name: string,
    options: { readonly segments?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<TopicDescription> {
    const { segments, signal } = options;
    const call = { query: { segments }, signal, isRepeatable: true };
    return this.#calls.json("GET", pathOf(name), call);
  }

  /** Changes configs, or adds partitions. */
  configure(
    name: string,
    change: { readonly partitions?: number; readonly configs?: ConfigChanges },
    signal?: AbortSignal,
  ): Promise<TopicDescription> {
    return this.#calls.json("PATCH", pathOf(name), { json: change, signal });
  }

  /** With all its records. */
  async delete(name: string, signal?: AbortSignal): Promise<void> {
    await this.#calls.call("DELETE", pathOf(name), { signal }, readNothing);
  }
}

function pathOf(name: string): string {
  return `/v1/topics/${part(name)}`;
}
