import { XylemError } from "../../base/errors.ts";
import {
  type AppendedRecord,
  appendRecords,
  type AppendRecords,
  type NewRecord,
} from "../../broker/records/append-records.ts";
import type { RecordScope } from "../../broker/records/stored-record.ts";

/** One request's records: what became of them, or why nothing was tried. */
export interface GroupOutcome {
  readonly records: readonly AppendedRecord[];
  readonly isDurable: boolean;
  readonly isDuplicate: boolean;
}

type Shared = Omit<AppendRecords, "records">;

/**
 * Appends the records of several requests at once, as if one had come after the other: where a
 * partition refuses them together, each request's part is tried by itself. Throws what refuses all.
 */
export async function appendGroup(
  scope: RecordScope,
  shared: Shared,
  requests: readonly (readonly NewRecord[])[],
): Promise<readonly GroupOutcome[]> {
  const { broker, tools } = scope;
  const all = requests.length === 1 ? (requests[0] ?? []) : requests.flat();
  const together = await appendRecords(broker, tools, { ...shared, records: all });
  const { records, isDurable, isDuplicate } = together;
  let start = 0;
  const outcomes = requests.map((own): GroupOutcome => {
    const end = start + own.length;
    const outcome = { records: records.slice(start, end), isDurable, isDuplicate };
    start = end;
    return outcome;
  });
  if (requests.length === 1) return outcomes;
  for (const [index, own] of requests.entries()) {
    const outcome = outcomes[index] as GroupOutcome;
    if (outcome.records.some(wasRefused)) {
      outcomes[index] = await appendAlone(scope, shared, { own, outcome });
    }
  }
  return outcomes;
}

/** Refused because of what it is: nothing of its partition was appended. */
function wasRefused({ error }: AppendedRecord): boolean {
  return error !== undefined && !error.row.retriable;
}

async function appendAlone(
  { broker, tools }: RecordScope,
  shared: Shared,
  { own, outcome }: { readonly own: readonly NewRecord[]; readonly outcome: GroupOutcome },
): Promise<GroupOutcome> {
  const again = own.flatMap((record, index) => {
    const before = outcome.records[index] as AppendedRecord;
    return wasRefused(before)
      ? [{ index, record: { ...record, partition: before.partition } }]
      : [];
  });
  const alone = again.map(({ record }) => record);
  const tried = await appendRecords(broker, tools, { ...shared, records: alone }).catch(
    (error: unknown) => {
      if (error instanceof XylemError) return undefined;
      throw error;
    },
  );
  if (tried === undefined) return outcome;
  const records = [...outcome.records];
  for (const [at, { index }] of again.entries())
    records[index] = tried.records[at] as AppendedRecord;
  return { ...outcome, records, isDurable: outcome.isDurable && tried.isDurable };
}
