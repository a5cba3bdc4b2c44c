import { catalogue } from "../../base/error-catalogue.ts";

const names = new Map<number, string>([
  [0, "NONE"],
  ...Object.entries(catalogue).map(([name, row]): [number, string] => [row.kafka, name]),
]);

/** Of errors that share a number, one. Storage errors, full disks too, are KAFKA_STORAGE_ERROR. */
export function errorName(code: number): string {
  if (code === catalogue.KAFKA_STORAGE_ERROR.kafka) return "KAFKA_STORAGE_ERROR";
  return names.get(code) ?? `error ${code}`;
}
