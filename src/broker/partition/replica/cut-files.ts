import { formatSegmentName, parseSegmentName } from "../../../log/segment-name.ts";
import type { TruncationNote } from "../../../log/truncation-note.ts";
import type { Disk } from "../../ports/disk.ts";
import { copyFile } from "../copies/copy-file.ts";
import { epochsFileName } from "../partition-folder.ts";

/**
 * Brings the files of a partition that nobody uses to where a note says that its log is to end.
 * Durable when it resolves; a call that was cut short is made good by another one.
 */
export async function cutFiles(disk: Disk, folder: string, note: TruncationNote): Promise<void> {
  for (const { name } of await disk.list(folder)) {
    if (isGone(name, note)) await disk.remove(`${folder}/${name}`);
  }
  const path = `${folder}/${formatSegmentName(note.baseOffset, ".log")}`;
  if (note.sizeBytes === 0) await makeEmpty(disk, path);
  else if (note.isShared) await replaceByHead(disk, path, note.sizeBytes);
  else await cut(disk, path, note.sizeBytes);
  if (note.hasGap) await makeEmpty(disk, `${folder}/${formatSegmentName(note.end, ".log")}`);
  await disk.syncDirectory(folder);
}

/** The log of the last segment is cut, not removed; what says something of more goes. */
function isGone(name: string, note: TruncationNote): boolean {
  if (name === epochsFileName) return note.isRestart;
  const parsed = parseSegmentName(name);
  if (parsed === undefined) return false;
  const { baseOffset, suffix } = parsed;
  if (note.isRestart) return true;
  if (suffix === ".snapshot") return baseOffset > note.end;
  if (baseOffset !== note.baseOffset) return baseOffset > note.baseOffset;
  if (note.sizeBytes === 0) return true;
  // Of the last segment they are followed as far as they are true; of others they are believed.
  return (note.isShared || note.hasGap) && suffix !== ".log";
}

/** Under another inode: who shared the name's file keeps it. */
async function makeEmpty(disk: Disk, path: string): Promise<void> {
  await disk.remove(path);
  const file = await disk.open(path, { create: true });
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function replaceByHead(disk: Disk, path: string, sizeBytes: number): Promise<void> {
  const temporary = `${path}.tmp`;
  await disk.remove(temporary);
  await copyFile({ disk, path, sizeBytes }, disk, temporary);
  await disk.rename(temporary, path);
}

async function cut(disk: Disk, path: string, sizeBytes: number): Promise<void> {
  const file = await disk.open(path, { create: false });
  try {
    if (file.sizeBytes > sizeBytes) await file.truncate(sizeBytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
