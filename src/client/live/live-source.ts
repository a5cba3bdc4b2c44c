import type { Ended, Moved } from "../answers.ts";
import type { ListedRecord } from "../record-json.ts";

/** What one connection is to bring. */
export interface LiveWish {
  /** As the query has them: `orders`, `orders:0:42`. */
  readonly topics: readonly string[];
  readonly from: string | undefined;
  /** Goes on there; counts before all positions. */
  readonly cursor: string | undefined;
  /** By the names of query parameters. */
  readonly filter: Readonly<Record<string, string>>;
  /** Ends the connection. */
  readonly signal: AbortSignal;
  /** Silence after which the connection is taken for dead, in milliseconds. */
  readonly silenceMs: number;
}

/** What came at once. Records are of one partition, in order, and `cursor` is behind the last. */
export interface LiveDelivery {
  readonly cursor: string;
  readonly records: readonly ListedRecord[];
  readonly moved?: Moved;
  readonly ended?: Ended;
}

/**
 * One connection, from its opening to its end; the first delivery has no records. What is not asked
 * for is not read, so that a slow consumer holds back the node. Ends when all topics are gone, and
 * throws a XylemClientError when the connection is lost.
 */
export type LiveSource = (wish: LiveWish) => AsyncGenerator<LiveDelivery, void, undefined>;
