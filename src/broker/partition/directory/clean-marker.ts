import { decodeUtf8, encodeUtf8 } from "../../../base/text.ts";
import type { Disk } from "../../ports/disk.ts";
import { replaceFile } from "./replace-file.ts";

/** Kafka's: the last process on a directory stopped in order. */
export const cleanMarkerName = ".kafka_cleanshutdown";
const ownMarker = '{"version":0,"brokerEpoch":-1}';

/** Whether that was one of ours. */
export async function isOwnStop(disk: Disk): Promise<boolean> {
  const marker = await disk.readFile(cleanMarkerName);
  return marker !== undefined && decodeUtf8(marker) === ownMarker;
}

export async function storeCleanMarker(disk: Disk): Promise<void> {
  await replaceFile(disk, { directory: "", name: cleanMarkerName }, encodeUtf8(ownMarker));
}
