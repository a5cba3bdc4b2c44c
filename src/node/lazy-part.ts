import type { Socket } from "node:net";

/**
 * A part of the node whose code is loaded when it is first needed: a broker in a test starts
 * without paying for what that test does not use. For a door that is when somebody knocks;
 * connections that come meanwhile are held, unread.
 */
export class LazyPart<Server> {
  readonly #load: () => Promise<Server>;
  readonly #onFailure: (error: unknown) => void;
  #loading: Promise<Server> | undefined;
  #server: Server | undefined;
  #isClosed = false;

  /** `onFailure` hears of every loading that failed; who waits for it only loses a connection. */
  constructor(load: () => Promise<Server>, onFailure: (error: unknown) => void) {
    this.#load = load;
    this.#onFailure = onFailure;
  }

  /** Undefined: nobody has asked for it yet. */
  get server(): Server | undefined {
    return this.#server;
  }

  /** Loads it now, if it is not. After a failure the next call tries again. */
  open(): Promise<Server> {
    if (this.#isClosed) return Promise.reject(new Error("the node is stopping"));
    this.#loading ??= this.#load().then(
      (server) => (this.#server = server),
      (error: unknown) => {
        this.#loading = undefined;
        this.#onFailure(error);
        throw error;
      },
    );
    return this.#loading;
  }

  /** Hands `socket` to the door: at once when it is open, else as soon as it is. */
  pass(socket: Socket, take: (server: Server) => void): void {
    if (this.#server !== undefined) {
      take(this.#server);
      return;
    }
    socket.pause();
    this.open().then(
      (server) => {
        if (socket.destroyed) return;
        take(server);
        socket.resume();
      },
      () => socket.destroy(),
    );
  }

  /** Closes what was opened, after a loading that is under way; opens nothing afterwards. */
  async close(close: (server: Server) => Promise<void>): Promise<void> {
    this.#isClosed = true;
    await this.#loading?.catch(() => undefined);
    if (this.#server !== undefined) await close(this.#server);
  }
}
