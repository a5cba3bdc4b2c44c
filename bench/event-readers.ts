// Follows a topic over many connections, as a process of its own: node event-readers.ts PORT TOPIC
// COUNT. Says `ready` once all are connected, and figures when its standard input ends.
import { connect, type Socket } from "node:net";

const [port, topic, count] = process.argv.slice(2);
const request =
  `GET /v1/records?topic=${topic} HTTP/1.1\r\nHost: localhost\r\n` +
  "Accept: text/event-stream\r\n\r\n";
/** Connections that are being opened at a time: fewer than wait to be accepted. */
const openingMax = 100;
const timeMark = Buffer.from('"timestamp":');
const timeDigits = 13;

const delaysMs: number[] = [];
let sizeBytes = 0;

/** The age of the last record of each chunk: nobody waits longer than for that one's chunk. */
function take(chunk: Buffer): void {
  sizeBytes += chunk.length;
  const at = chunk.lastIndexOf(timeMark) + timeMark.length;
  if (at < timeMark.length || at + timeDigits > chunk.length) return;
  delaysMs.push(Date.now() - Number(chunk.toString("latin1", at, at + timeDigits)));
}

function open(): Promise<Socket> {
  const socket = connect(Number(port), "127.0.0.1", () => socket.write(request));
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("a reader was cut off")));
    socket.once("data", () => {
      socket.on("data", take);
      resolve(socket);
    });
  });
}

const sockets: Socket[] = [];
while (sockets.length < Number(count)) {
  const missing = Math.min(openingMax, Number(count) - sockets.length);
  sockets.push(...(await Promise.all(Array.from({ length: missing }, open))));
}
console.log("ready");
for await (const line of process.stdin) void line;

delaysMs.sort((one, other) => one - other);
const at = (part: number): number => delaysMs[Math.floor((delaysMs.length - 1) * part)] ?? -1;
const alive = sockets.filter((socket) => !socket.destroyed).length;
console.log(JSON.stringify({ sizeBytes, p50: at(0.5), p99: at(0.99), max: at(1), open: alive }));
process.exit();
