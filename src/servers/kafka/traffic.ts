import type { ApiName } from "../../protocol/api-table.ts";

/** What went through the Kafka door since it opened: plain numbers, read by whoever shows them. */
export class Traffic {
  readonly requestCounts = new Map<ApiName, number>();
  bytesIn = 0;
  bytesOut = 0;
  /** Connections closed because of what they sent. */
  refusedCount = 0;

  countRequest(api: ApiName): void {
    this.requestCounts.set(api, (this.requestCounts.get(api) ?? 0) + 1);
  }
}
