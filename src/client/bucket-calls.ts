import type { BucketDescription, ConfigChanges, NewConfigs } from "./answers.ts";
import { type NodeCalls, part, readNothing } from "./node-calls.ts";

/** Buckets: configs of all topics whose names begin with theirs. */
export class BucketCalls {
  readonly #calls: NodeCalls;

  constructor(calls: NodeCalls) {
    this.#calls = calls;
  }

  async list(signal?: AbortSignal): Promise<readonly BucketDescription[]> {
    const call = { signal, isRepeatable: true };
    const answer = await this.#calls.json<{ buckets: BucketDescription[] }>(
      "GET",
      "/v1/buckets",
      call,
    );
    return answer.buckets;
  }

  /** Makes a bucket, or makes sure that it has the configs named. */
  ensure(name: string, configs: NewConfigs = {}, signal?: AbortSignal): Promise<BucketDescription> {
    return this.#calls.json("PUT", pathOf(name), { json: { configs }, isRepeatable: true, signal });
  }

  describe(name: string, signal?: AbortSignal): Promise<BucketDescription> {
    return this.#calls.json("GET", pathOf(name), { isRepeatable: true, signal });
  }

  configure(
    name: string,
    configs: ConfigChanges,
    signal?: AbortSignal,
  ): Promise<BucketDescription> {
    return this.#calls.json("PATCH", pathOf(name), { json: { configs }, signal });
  }

  /** Rejects with 409 while it holds topics, unless they are to go with it. */
  async delete(
    name: string,
    options: { readonly withTopics?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    const { withTopics = false, signal } = options;
    const query = { topics: withTopics ? "delete" : undefined };
    await this.#calls.call("DELETE", pathOf(name), { query, signal }, readNothing);
  }
}

function pathOf(name: string): string {
  return `/v1/buckets/${part(name)}`;
}
