import { assert } from "../../../base/assert.ts";
import type { DiskFile } from "../../ports/disk.ts";
import type { Pacer } from "../compaction/pacer.ts";
import type { Segment } from "../segment/segment.ts";

/**
 * A segment as it was when a scrub came to it, read at the scrub's pace. The file is only in use
 * while it is read, so that retention and compaction never wait for the scrub.
 */
export class PacedSegment implements DiskFile {
  readonly sizeBytes: number;
  readonly #segment: Segment;
  readonly #pacer: Pacer;

  constructor(segment: Segment, pacer: Pacer) {
    this.sizeBytes = segment.sizeBytes;
    this.#segment = segment;
    this.#pacer = pacer;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const wanted = Math.min(length, Math.max(0, this.sizeBytes - position));
    await this.#pacer.pass(wanted);
    return await this.#segment.log.use((file) => file.read(position, wanted));
  }

  append(): void {
    assert(false, "a segment that is scrubbed is never written");
  }

  async truncate(): Promise<void> {
    this.append();
  }

  async sync(): Promise<void> {
    this.append();
  }

  /** It is the segment's to close. */
  async close(): Promise<void> {}
}
