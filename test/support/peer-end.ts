// One end of a link between nodes. Run by itself it is the other end: it prints its address, takes
// all it is sent, answers every Reject with an Ack, and echoes calls.
import { createServer } from "node:net";
import { defaultNodeSettings } from "../../src/base/settings/node-settings.ts";
import { silentLog } from "../../src/base/log.ts";
import type { PeerAddress } from "../../src/broker/ports/peer-links.ts";
import { crc32c } from "../../src/codecs/native-crc32c.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import { SystemRandom } from "../../src/node/system-random.ts";
import { PeerMesh } from "../../src/peers/peer-mesh.ts";
import { SocketTransport } from "../../src/peers/socket-transport.ts";

const transport = new SocketTransport(systemClock);

/** Runs the other end. */
export const peerEndProgram = import.meta.filename;

export const receiverId = 2;
/** Of sender and receiver; a place that is not dialed is none. */
export function openPeerEnd(id: number, other?: PeerAddress): PeerMesh {
  return new PeerMesh({
    identity: { id, incarnation: `end-${id}` },
    clusterId: "bench",
    key: new Uint8Array(32),
    settings: defaultNodeSettings,
    addressOf: () => other,
    transport,
    clock: systemClock,
    random: new SystemRandom(),
    log: silentLog,
    crc32c,
    soon: setImmediate,
  });
}

function serve(): void {
  const links = openPeerEnd(receiverId);
  const offsets = {
    written: 1,
    flushed: 1,
    logStart: 0,
    logStartMax: 0,
    ownWritten: 1,
    ownFlushed: 1,
  };
  const ack = { kind: "ack", epoch: 1, session: 1, ...offsets } as const;
  links.onMessages((link, messages) => {
    for (const { topicId, partition, message } of messages) {
      if (message.kind === "reject") link.send({ topicId, partition, message: ack });
    }
  });
  links.serve("echo", (_from, body) => Promise.resolve(body));
  const server = createServer({ noDelay: true }, (socket) =>
    links.accept(transport.take(socket, new Uint8Array(0))),
  );
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (typeof address === "object") console.log(`127.0.0.1:${address?.port}`);
  });
  process.stdin.on("end", () => process.exit()).resume();
}

if (import.meta.main) serve();
