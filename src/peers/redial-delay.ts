import type { Random } from "../base/random.ts";
import type { PeerSettings } from "./peer-mesh-parts.ts";

const two32 = 2 ** 32;
const doublingsMax = 30;

/** Doubles from try to try up to its bound; spread over its upper half, so that nodes part. */
export function redialDelayMs(settings: PeerSettings, failures: number, random: Random): number {
  const doubled = settings["peer.reconnect.backoff.ms"] * 2 ** Math.min(failures, doublingsMax);
  const longest = Math.min(doubled, settings["peer.reconnect.backoff.max.ms"]);
  return (longest / 2) * (1 + random.nextUint32() / two32);
}
