import { callHttp, recordsPath } from "./call-http.ts";
import { toListed } from "./listed-record.ts";
import type { RecordWriter, WriterOptions } from "./record-writer.ts";

const recordListType = "application/vnd.xylem.records+json";

/** Appends lists of records over HTTP. */
export async function withHttpWriter<T>(
  options: WriterOptions,
  use: (writer: RecordWriter) => Promise<T>,
): Promise<T> {
  const { topic, acks, minReplicas } = options;
  const more = minReplicas === undefined ? "" : `&min-replicas=${minReplicas}`;
  const path = `${recordsPath(topic)}?acks=${acks}${more}`;
  return await use({
    async append(records) {
      const body = JSON.stringify({ records: records.map(toListed) });
      const headers = { "content-type": recordListType };
      const response = await callHttp(options, path, { method: "POST", headers, body });
      await response.arrayBuffer();
    },
  });
}
