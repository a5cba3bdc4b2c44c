import { formatTable } from "../terminal.ts";
import type { Tally } from "./bench-load.ts";

/** What `xylem bench --json` prints. */
export interface BenchReport {
  readonly door: string;
  readonly connections: number;
  readonly records: number;
  readonly requests: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly errorCount: number;
  readonly seconds: number;
  readonly recordsPerSecond: number;
  readonly requestsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly latencyMs: Readonly<Record<"min" | "p50" | "p90" | "p99" | "p999" | "max", number>>;
}

export function makeReport(
  tally: Tally,
  run: { readonly door: string; readonly connections: number; readonly recordBytes: number },
  seconds: number,
): BenchReport {
  const { latencies, records, requests } = tally;
  const at = (percentile: number): number => toMs(latencies.percentile(percentile));
  return {
    door: run.door,
    connections: run.connections,
    records,
    requests,
    errors: Object.fromEntries(tally.errors),
    errorCount: tally.errorCount,
    seconds: round(seconds),
    recordsPerSecond: Math.round(records / seconds),
    requestsPerSecond: Math.round(requests / seconds),
    megabytesPerSecond: round((records * run.recordBytes) / 1e6 / seconds),
    latencyMs: {
      min: requests === 0 ? 0 : toMs(latencies.min),
      p50: at(50),
      p90: at(90),
      p99: at(99),
      p999: at(99.9),
      max: toMs(latencies.max),
    },
  };
}

export function formatReport(report: BenchReport): string {
  const { latencyMs, errors } = report;
  const rates = [
    `${report.recordsPerSecond} records/s`,
    `${report.megabytesPerSecond} MB/s`,
    `${report.requestsPerSecond} requests/s`,
    `${report.errorCount} errors`,
  ];
  const head = `${report.records} records in ${report.seconds} s: ${rates.join(", ")}`;
  const table = formatTable([{ "latency ms": report.door, ...latencyMs }], "");
  const reasons = Object.entries(errors).map(([reason, count]) => `${count} x ${reason}`);
  return [head, "", table, ...reasons].join("\n");
}

const toMs = (microseconds: number): number => round(microseconds / 1_000);

const round = (value: number): number => Number(value.toPrecision(4));
