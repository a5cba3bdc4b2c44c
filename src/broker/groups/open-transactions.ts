import { ByteReader, type Int64 } from "../../base/bytes.ts";
import type { RecordBytes } from "../../groups/record-bytes.ts";
import { controlTypes } from "../../protocol/build-batch.ts";
import type { RecordBatch } from "../../protocol/record-batch.ts";

/**
 * Holds records of transactions back until their marker: a commit lets them through in order, an
 * abort drops them. Records outside of transactions pass at once.
 */
export class OpenTransactions {
  readonly #visit: (record: RecordBytes) => void;
  readonly #held = new Map<Int64, RecordBytes[]>();

  constructor(visit: (record: RecordBytes) => void) {
    this.#visit = visit;
  }

  take(batch: RecordBatch, record: RecordBytes): void {
    if (batch.isControl) this.#end(batch.producerId, record.key);
    else if (!batch.isTransactional) this.#visit(record);
    else this.#hold(batch.producerId, record);
  }

  #hold(producerId: Int64, record: RecordBytes): void {
    const held = this.#held.get(producerId);
    if (held === undefined) this.#held.set(producerId, [record]);
    else held.push(record);
  }

  #end(producerId: Int64, controlKey: Uint8Array): void {
    const reader = new ByteReader(controlKey);
    reader.int16();
    const isCommit = reader.int16() === controlTypes.commit;
    if (isCommit) for (const record of this.#held.get(producerId) ?? []) this.#visit(record);
    this.#held.delete(producerId);
  }
}
