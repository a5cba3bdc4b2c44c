import type {
  PeerSocket,
  PeerSocketEvents,
  PeerTransport,
} from "../../../broker/ports/peer-transport.ts";
import type { ProcessGate } from "../process-gate.ts";

/** The network as a process has it that may be stopped: what comes waits at its gate. */
export class GatedTransport implements PeerTransport {
  readonly #transport: PeerTransport;
  readonly #gate: ProcessGate;

  constructor(transport: PeerTransport, gate: ProcessGate) {
    this.#transport = transport;
    this.#gate = gate;
  }

  dial(place: { readonly host: string; readonly port: number }): PeerSocket {
    return gatedSocket(this.#transport.dial(place), this.#gate);
  }
}

/** One end of a connection: the system takes at once what comes, the process when it can. */
export function gatedSocket(socket: PeerSocket, gate: ProcessGate): PeerSocket {
  let events: PeerSocketEvents | undefined;
  socket.attach({
    opened: () => gate.enter(() => events?.opened()),
    received: (bytes) => gate.enter(() => events?.received(bytes)),
    closed: (reason, isNobodyThere) => gate.enter(() => events?.closed(reason, isNobodyThere)),
  });
  return {
    remote: socket.remote,
    attach: (listener) => void (events = listener),
    write: (chunks, onSent) => socket.write(chunks, onSent && (() => gate.enter(onSent))),
    end: () => socket.end(),
    destroy: () => socket.destroy(),
  };
}
