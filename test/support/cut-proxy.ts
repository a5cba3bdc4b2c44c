import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Stands between a client and a port on this machine, as a network that can be cut. */
export class CutProxy {
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  /** From each client's socket to the one that leads on. */
  readonly #onward = new Map<Socket, Socket>();
  #targetPort: number;
  #isCut = false;
  #acceptedCount = 0;

  static async open(targetPort: number): Promise<CutProxy> {
    const proxy = new CutProxy(targetPort);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((near) => {
      if (this.#isCut) {
        near.resetAndDestroy();
        return;
      }
      this.#acceptedCount += 1;
      const far = connect(this.#targetPort, "127.0.0.1");
      this.#onward.set(near, far);
      near.on("close", () => this.#onward.delete(near));
      this.#join(near, far);
      this.#join(far, near);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that were let through so far. */
  get acceptedCount(): number {
    return this.#acceptedCount;
  }

  /** Ends all connections, wherever they are in what they carry. */
  drop(): void {
    for (const connection of this.#connections) connection.resetAndDestroy();
  }

  /** As `drop`, and lets none through until it is mended. */
  cut(): void {
    this.#isCut = true;
    this.drop();
  }

  mend(): void {
    this.#isCut = false;
  }

  /** The connections that stand carry nothing more, and nobody is told. */
  stall(): void {
    for (const connection of this.#connections) {
      connection.removeAllListeners("data");
      connection.resume();
    }
  }

  /** Answers of the connections that stand are lost; what is asked gets through. */
  loseAnswers(): void {
    for (const far of this.#onward.values()) {
      far.removeAllListeners("data");
      far.resume();
    }
  }

  /**
   * What is asked on the connections that stand is kept back, even past their end at the client;
   * `release` sends what came within `forMs`, and the rest is lost.
   */
  keepBack(forMs: number): { release(): void } {
    const kept = [...this.#onward].map(([near, far]) => {
      const chunks: Buffer[] = [];
      const keep = (bytes: Buffer): void => void chunks.push(bytes);
      for (const event of ["data", "close"]) near.removeAllListeners(event);
      near.on("data", keep);
      setTimeout(() => near.off("data", keep).resume(), forMs);
      return { far, chunks };
    });
    return {
      release: () => {
        for (const { far, chunks } of kept) far.write(Buffer.concat(chunks));
      },
    };
  }

  /** From here on it leads elsewhere. */
  turnTo(targetPort: number): void {
    this.#targetPort = targetPort;
    this.drop();
  }

  close(): void {
    this.#server.close();
    this.drop();
  }

  #join(from: Socket, to: Socket): void {
    this.#connections.add(from);
    from.on("error", () => undefined);
    from.on("data", (bytes) => {
      if (to.write(bytes)) return;
      from.pause();
      to.once("drain", () => from.resume());
    });
    from.on("close", () => {
      this.#connections.delete(from);
      to.destroy();
    });
  }
}
