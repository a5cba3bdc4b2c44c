import { assert } from "../../base/assert.ts";
import type { Random } from "../../base/random.ts";

const topicPattern = /^[a-zA-Z0-9._-]{1,249}$/;
const folderPattern = /^([a-zA-Z0-9._-]{1,249})-(\d{1,10})$/;
const abandonedPattern = /\.[0-9a-f]{32}-(delete|stray|future|damaged)$|-(delete|stray|future)$/;
const nameBytesMax = 255;

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
  const suffix = `.${unique}-${fate}`;
  return name.slice(0, nameBytesMax - suffix.length) + suffix;
}

export function isDeletedName(name: string): boolean {
  return /\.[0-9a-f]{32}-delete$/.test(name);
}

/** Whether it is what was set aside of a partition. A name that was cut short says of none. */
export function isSetAsideOf(folder: string, name: string): boolean {
  return (
    folder.startsWith(`${name}.`) && /^[0-9a-f]{32}-damaged$/.test(folder.slice(name.length + 1))
  );
}

/** Under a name that says that it is to go, or that nobody knows it. */
export function isAbandonedName(name: string): boolean {
  return abandonedPattern.test(name);
}
