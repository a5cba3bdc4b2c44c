import { assert } from "../../base/assert.ts";
import { portableCrc32c } from "../../base/crc32c.ts";
import type { Random } from "../../base/random.ts";
import { encodeUtf8 } from "../../base/text.ts";

const topicPattern = /^[a-zA-Z0-9._-]{1,249}$/;
const folderPattern = /^([a-zA-Z0-9._-]{1,249})-(\d{1,10})$/;
const abandonedPattern = /\.[0-9a-f]{32}-(delete|stray|future|damaged)$|-(delete|stray|future)$/;
/** Of the 255 bytes of a file's name, without the longest that is put behind. */
const waitingNameMax = 255 - `.${"0".repeat(32)}-damaged`.length;

/** `<topic>-<partition>`. Names from outside are checked before; this is the last look. */
export function formatPartitionName(topic: string, index: number): string {
  assert(topicPattern.test(topic) && topic !== "." && topic !== "..", `topic name ${topic}`);
  assert(Number.isInteger(index) && index >= 0, `partition ${index}`);
  return `${topic}-${index}`;
}

/** The last `-` splits. Undefined for what is no partition's folder. */
export function parsePartitionName(name: string): { topic: string; index: number } | undefined {
  if (abandonedPattern.test(name)) return undefined;
  const match = folderPattern.exec(name);
  if (match === null) return undefined;
  return { topic: match[1] as string, index: Number(match[2]) };
}

/** `-delete` is removed, `-stray` left to a person, `-damaged` kept until others have filled it. */
export type FolderFate = "delete" | "stray" | "damaged";

/** The name under which a folder waits. */
export function formatAbandonedName(name: string, fate: FolderFate, random: Random): string {
  const unique = [...random.bytes(16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${shorten(name)}.${unique}-${fate}`;
}

/** With room for what says how a folder waits. Of names that are too long each keeps its own. */
function shorten(name: string): string {
  if (name.length <= waitingNameMax) return name;
  const sum = (portableCrc32c(encodeUtf8(name)) >>> 0).toString(16).padStart(8, "0");
  return `${name.slice(0, waitingNameMax - 1 - sum.length)}~${sum}`;
}

export function isDeletedName(name: string): boolean {
  return /\.[0-9a-f]{32}-delete$/.test(name);
}

/** Whether it is what was set aside of a partition. */
export function isSetAsideOf(folder: string, name: string): boolean {
  const start = `${shorten(name)}.`;
  return folder.startsWith(start) && /^[0-9a-f]{32}-damaged$/.test(folder.slice(start.length));
}

/** Under a name that says that it is to go, or that nobody knows it. */
export function isAbandonedName(name: string): boolean {
  return abandonedPattern.test(name);
}
