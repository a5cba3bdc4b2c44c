import { assert } from "../../base/assert.ts";

/** Message versions from `min` to `max`, both included. */
export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** Past every version there will be: int16 on the wire. */
const versionMax = 32_767;

export const everyVersion: VersionRange = { min: 0, max: versionMax };

/** `"4-7"`, `"4+"`, `"4"` or `"none"`, as in Kafka's own message definitions. */
export function parseVersions(text: string): VersionRange {
  if (text === "none") return { min: 0, max: -1 };
  const match = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text);
  assert(match !== null, `no version range: ${text}`);
  const min = Number(match[1]);
  return { min, max: match[2] === "+" ? versionMax : Number(match[3] ?? min) };
}

export function hasVersion(range: VersionRange, version: number): boolean {
  return version >= range.min && version <= range.max;
}
