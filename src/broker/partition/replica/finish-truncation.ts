import { DamageError, MalformedError } from "../../../base/errors.ts";
import type { Log } from "../../../base/log.ts";
import { parseTruncationNote, type TruncationNote } from "../../../log/truncation-note.ts";
import type { Disk, DiskEntry } from "../../ports/disk.ts";
import { cutFiles } from "./cut-files.ts";
import { truncationNoteName } from "./truncation.ts";

/**
 * Goes on with a truncation that a stopped process had begun, or cuts what a failed flush left
 * (`FlushedMark`); undefined: there is none. `store`
 * makes durable that nothing above its end is counted on: the note goes after that. Throws
 * KAFKA_STORAGE_ERROR where the note can not be read: nobody knows what to do then.
 */
export async function finishTruncation(
  place: { readonly disk: Disk; readonly folder: string; readonly log: Log },
  entries: readonly DiskEntry[],
  store: (note: TruncationNote) => Promise<void>,
): Promise<TruncationNote | undefined> {
  const { disk, folder } = place;
  if (!entries.some(({ name }) => name === truncationNoteName)) return undefined;
  const path = `${folder}/${truncationNoteName}`;
  const note = readNote(path, (await disk.readFile(path)) ?? new Uint8Array(0));
  // A killed process may not have come to it: the note is not to go before what it stands for.
  await disk.syncDirectory(folder);
  await cutFiles(disk, folder, note);
  await store(note);
  await disk.remove(path);
  await disk.syncDirectory(folder);
  place.log.warn("cut a log where a note in its folder says that it ends", { folder, ...note });
  return note;
}

function readNote(path: string, bytes: Uint8Array): TruncationNote {
  try {
    return parseTruncationNote(bytes);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    const detail = `${path}, a truncation that was interrupted, can not be read`;
    throw new DamageError("KAFKA_STORAGE_ERROR", detail, { cause: error });
  }
}
