import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../base/assert.ts";
import { XylemError } from "../../base/errors.ts";
import { SegmentPass } from "../../broker/partition/compaction/segment-pass.ts";
import { Cancellation } from "../../broker/ports/compactor.ts";
import { compression } from "../../codecs/node-compression.ts";
import { crc32c } from "../../codecs/native-crc32c.ts";
import { FilesDisk } from "../../storage/files-disk.ts";
import { systemClock } from "../system-clock.ts";
import type { WorkerAnswer, WorkerRequest, WorkerStart } from "./worker-messages.ts";

/** The other thread of `WorkerCompactor`: one pass at a time over files of the data directory. */
const port = parentPort;
assert(port !== null, "this file is the start of a worker thread");

const { root } = workerData as WorkerStart;
const parts = { disk: new FilesDisk(root), clock: systemClock, tools: { crc32c, compression } };
let cancellation = new Cancellation();
let pass: SegmentPass | undefined;

port.on("message", (request: WorkerRequest) => {
  if (request.kind === "cancel") return cancellation.wish();
  answer(request).then(
    (done) => port.postMessage(done),
    (error: unknown) => port.postMessage(describeFailure(error)),
  );
});

async function answer(request: Exclude<WorkerRequest, { kind: "cancel" }>): Promise<WorkerAnswer> {
  if (request.kind === "begin") {
    cancellation = new Cancellation();
    pass = await SegmentPass.begin(request.task, parts, cancellation);
    return { kind: "begun", endOffset: pass.endOffset, bytesRead: pass.bytesRead };
  }
  if (request.kind === "end") {
    // Its table of keys is the memory of this thread.
    pass = undefined;
    return { kind: "ended" };
  }
  assert(pass !== undefined, "a pass begins before it rewrites");
  return { kind: "rewritten", segment: await pass.rewrite(request.order) };
}

function describeFailure(error: unknown): WorkerAnswer {
  const code = error instanceof XylemError ? error.code : undefined;
  const message = error instanceof Error ? error.message : String(error);
  return { kind: "failed", code, message };
}
