import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { XylemError } from "../../../base/errors.ts";
import type { NodeSettings } from "../../../base/settings/node-settings.ts";
import type { NewRecord } from "../../../broker/records/append-records.ts";
import { appendGroup } from "../append-group.ts";
import type { CallShare } from "../call-memory.ts";
import { type CallScope, shareKey } from "../call-scope.ts";
import { toErrorMessage } from "../errors.ts";
import type {
  AppendRequest,
  AppendStreamRequest,
  AppendStreamResponseSchema,
} from "../generated/xylem/v1/log_pb.ts";
import { timeoutOf } from "../limits.ts";
import { toNewRecords, toRanges } from "../record-messages.ts";
import { appendOptions } from "./append.ts";

type Response = MessageInitShape<typeof AppendStreamResponseSchema>;

/** What is appended at once, below the usual `max.message.bytes`. */
const groupRecordsMax = 4_096;
const groupBytesMax = 524_288;

/** A request that waits, or the error that it is. */
interface Waiting {
  readonly request: AppendRequest;
  readonly records: readonly NewRecord[];
  readonly sizeBytes: number;
  readonly error?: XylemError;
}

/**
 * LogService.AppendStream. While one append is under way, the requests that come are gathered for
 * the next one: the order is kept, and a flush to the disk serves all that came meanwhile.
 */
export async function* appendStream(
  scope: CallScope,
  requests: AsyncIterable<AppendStreamRequest>,
  context: HandlerContext,
): AsyncGenerator<Response> {
  const { settings } = scope.broker;
  const intake = new Intake(requests, settings, context.values.get(shareKey));
  const reading = intake.readAll();
  try {
    for (;;) {
      const group = await intake.next();
      if (group === undefined) break;
      const answers = await answerGroup(scope, group, timeoutOf(context, settings));
      intake.done(group);
      yield* answers;
    }
    await reading;
  } finally {
    intake.close();
  }
}

async function answerGroup(
  scope: CallScope,
  group: readonly Waiting[],
  timeoutMs: number,
): Promise<readonly Response[]> {
  const [first] = group;
  if (first === undefined) return [];
  if (first.error !== undefined) return [refused(first.error)];
  try {
    const options = appendOptions(first.request, timeoutMs);
    const outcomes = await appendGroup(
      scope,
      options,
      group.map(({ records }) => records),
    );
    return outcomes.map(({ records, isDurable, isDuplicate }) => ({
      outcome: {
        case: "appended",
        value: { ranges: toRanges(records), durable: isDurable, duplicate: isDuplicate },
      },
    }));
  } catch (error) {
    if (error instanceof XylemError) return group.map(() => refused(error));
    throw error;
  }
}

function refused(error: XylemError): Response {
  return { outcome: { case: "error", value: toErrorMessage(error) } };
}

/**
 * Reads ahead as far as the bounds allow, counts what waits, and hands out what can be appended at
 * once.
 */
class Intake {
  readonly #requests: AsyncIterable<AppendStreamRequest>;
  readonly #settings: NodeSettings;
  readonly #share: CallShare | undefined;
  readonly #waiting: Waiting[] = [];
  #bytes = 0;
  #isEnded = false;
  #isClosed = false;
  #failure: { readonly error: unknown } | undefined;
  #onArrival: (() => void) | undefined;
  #onRoom: (() => void) | undefined;

  constructor(
    requests: AsyncIterable<AppendStreamRequest>,
    settings: NodeSettings,
    share: CallShare | undefined,
  ) {
    this.#share = share;
    this.#requests = requests;
    this.#settings = settings;
  }

  /** Resolves at the end of the stream; a failure shows in `next`. */
  async readAll(): Promise<void> {
    try {
      for await (const message of this.#requests) {
        const waiting = toWaiting(message, this.#settings);
        this.#share?.take(waiting.sizeBytes);
        this.#waiting.push(waiting);
        this.#bytes += waiting.sizeBytes;
        this.#onArrival?.();
        while (this.#isFull && !this.#isClosed) await this.#room();
        if (this.#isClosed) return;
      }
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#isEnded = true;
      this.#onArrival?.();
    }
  }

  /** What comes next, of one topic and one way to append it; undefined at the end. */
  async next(): Promise<readonly Waiting[] | undefined> {
    while (this.#waiting.length === 0) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#isEnded) return undefined;
      await new Promise<void>((resolve) => (this.#onArrival = resolve));
    }
    const group = this.#waiting.splice(0, groupLength(this.#waiting));
    for (const { sizeBytes } of group) this.#bytes -= sizeBytes;
    this.#onRoom?.();
    return group;
  }

  /** They are answered, and no longer held. */
  done(group: readonly Waiting[]): void {
    for (const { sizeBytes } of group) this.#share?.giveBack(sizeBytes);
  }

  close(): void {
    this.#isClosed = true;
    this.#onRoom?.();
  }

  get #isFull(): boolean {
    const {
      "grpc.stream.waiting.max.requests": requestsMax,
      "grpc.stream.waiting.max.bytes": bytesMax,
    } = this.#settings;
    return this.#waiting.length >= requestsMax || this.#bytes >= bytesMax;
  }

  #room(): Promise<void> {
    return new Promise((resolve) => (this.#onRoom = resolve));
  }
}

function toWaiting({ append: request }: AppendStreamRequest, settings: NodeSettings): Waiting {
  try {
    if (request === undefined) throw new XylemError("INVALID_REQUEST", "append is missing");
    const records = toNewRecords(request.records, settings);
    if (records.length === 0) throw new XylemError("INVALID_REQUEST", "there are no records");
    return { request, records, sizeBytes: sizeOf(records) };
  } catch (error) {
    if (!(error instanceof XylemError)) throw error;
    return { request: request as AppendRequest, records: [], sizeBytes: 0, error };
  }
}

/** How many from the front on go together. */
function groupLength(waiting: readonly Waiting[]): number {
  const [first] = waiting;
  if (first?.error !== undefined) return 1;
  let [recordCount, sizeBytes, length] = [0, 0, 0];
  for (const one of waiting) {
    recordCount += one.records.length;
    sizeBytes += one.sizeBytes;
    const isTooMuch = recordCount > groupRecordsMax || sizeBytes > groupBytesMax;
    const isOther = one.error !== undefined || !isAlike(one.request, first?.request);
    if (length > 0 && (isTooMuch || isOther)) break;
    length += 1;
  }
  return length;
}

/** What goes before it would change the offset that it expects, or what its key is the key of. */
function isOfItsOwn({ expectedOffset, idempotencyKey }: AppendRequest): boolean {
  return expectedOffset !== undefined || idempotencyKey !== "";
}

function isAlike(one: AppendRequest, other: AppendRequest | undefined): boolean {
  return (
    one.topic === other?.topic &&
    one.acks === other.acks &&
    one.minReplicas === other.minReplicas &&
    one.durability === other.durability &&
    !isOfItsOwn(one) &&
    !isOfItsOwn(other)
  );
}

function sizeOf(records: readonly NewRecord[]): number {
  let sizeBytes = 0;
  for (const { key, value, headers } of records) {
    sizeBytes += (key?.length ?? 0) + (value?.length ?? 0) + recordOverheadBytes;
    for (const header of headers) sizeBytes += header.key.length + (header.value?.length ?? 0);
  }
  return sizeBytes;
}

/** What a record takes besides its content, at most but for its headers' frames. */
const recordOverheadBytes = 32;
