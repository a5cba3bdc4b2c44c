import { type AnswerRoom, recordOverheadBytes } from "../records/answer-room.ts";
import { contentBytes, type StoredRecord } from "../records/stored-record.ts";

/** Less room than this is none. */
const pageBytesMin = 16_384;

export interface RoomAsk {
  readonly room?: AnswerRoom | undefined;
  /** Who waits holds nothing. */
  readonly waitMs: number;
  readonly maxBytes: number;
}

interface HasRecords {
  readonly records: readonly StoredRecord[];
}

/** Of one answer that comes from another node. */
export interface OwnRoom {
  /** It has come: its records count. */
  take<T extends HasRecords>(answer: T): T;
}

/** Takes room for all that another node may answer, until it is known what it is. */
export async function inRoom<T>(
  { room, waitMs, maxBytes }: RoomAsk,
  read: (maxBytes: number, own: OwnRoom) => Promise<T>,
): Promise<T> {
  const least = Math.min(maxBytes, pageBytesMin);
  let heldBytes = waitMs > 0 ? 0 : (room?.takeUpTo(maxBytes, least) ?? 0);
  const giveBack = (): void => {
    room?.giveBack(heldBytes);
    heldBytes = 0;
  };
  const take = <Answer extends HasRecords>(answer: Answer): Answer => {
    giveBack();
    let sizeBytes = 0;
    for (const record of answer.records) sizeBytes += contentBytes(record) + recordOverheadBytes;
    room?.take(sizeBytes);
    return answer;
  };
  try {
    return await read(heldBytes > 0 ? heldBytes : maxBytes, { take });
  } finally {
    giveBack();
  }
}
