import type { Finding } from "../../broker/scrub/finding.ts";

/** One line for people. */
export function formatFinding(finding: Finding): string {
  const { kind, topic, partition, file, position, sizeBytes, why } = finding;
  const words = [kind === "damage" ? "DAMAGE" : "note"];
  if (topic !== undefined) words.push(`${topic}-${partition}`);
  words.push(file);
  if (position !== undefined) words.push(`position ${position}`);
  if (sizeBytes !== undefined) words.push(`(${sizeBytes} bytes)`);
  const { firstLostOffset, lastLostOffset } = finding;
  const isLoss = firstLostOffset !== undefined;
  const lost = isLoss ? `; lost offsets ${firstLostOffset}..${lastLostOffset}` : "";
  return `${words.join(" ")}: ${why}${lost}`;
}
