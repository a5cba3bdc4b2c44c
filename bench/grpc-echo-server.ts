// The yardstick of bench/scenarios/grpc-calls.ts: grpc-js's own server, which only echoes. Prints
// its address, and ends with its standard input.
import { join } from "node:path";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const proto = loadSync("xylem/v1/echo.proto", {
  includeDirs: [join(import.meta.dirname, "..", "proto")],
});
const service = proto["xylem.v1.EchoService"] as grpc.ServiceDefinition;
const server = new grpc.Server();
server.addService(service, {
  echo: (
    call: grpc.ServerUnaryCall<{ text: string }, object>,
    answer: grpc.sendUnaryData<object>,
  ) => answer(null, { text: call.request.text }),
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  console.log(`127.0.0.1:${port}`);
});
process.stdin.resume().on("end", () => process.exit(0));
