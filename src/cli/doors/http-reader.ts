import type { ShownRecord } from "../record-format.ts";
import { readAsHttpMember } from "./http-member.ts";
import { callHttp } from "./call-http.ts";
import { type PageSource, readPages } from "./paged-reader.ts";
import { parseShown } from "./parse-shown.ts";
import type { ReadingOptions } from "./record-reader.ts";

const recordsPerPage = 1_000;

/** Reads over HTTP: as a member of a group, or page by page, waiting at the end for the next. */
export function readOverHttp(
  options: ReadingOptions,
  signal: AbortSignal,
): AsyncGenerator<ShownRecord> {
  if (options.group !== undefined) return readAsHttpMember(options, signal);
  return readPages(httpPages(options), options, signal);
}

interface Described {
  readonly partitions: readonly {
    readonly partition: number;
    readonly logStart: number;
    readonly lastStable: number;
  }[];
}

function httpPages(options: ReadingOptions): PageSource {
  const topicPath = `/v1/topics/${encodeURIComponent(options.topic)}`;
  return {
    async describe() {
      const response = await callHttp(options, topicPath);
      const { partitions } = (await response.json()) as Described;
      return partitions.map(({ partition, logStart, lastStable }) => ({
        partition,
        start: logStart,
        end: lastStable,
      }));
    },
    async readPage({ partition, position, waitMs }, signal) {
      const query = new URLSearchParams([
        ["offset", position],
        ["limit", String(recordsPerPage)],
        ["wait", `${waitMs}ms`],
        ["reset", "earliest"],
        ...options.filter.map(([name, value]): [string, string] => [name, value]),
      ]);
      const path = `${topicPath}/partitions/${partition}/records?${query.toString()}`;
      const headers = { accept: "application/x-ndjson" };
      const response = await callHttp(options, path, { headers, signal });
      const lines = (await response.text()).split("\n").filter((line) => line !== "");
      const nextOffset = Number(response.headers.get("xylem-next-offset"));
      return { records: lines.map(parseShown), nextOffset };
    },
  };
}
