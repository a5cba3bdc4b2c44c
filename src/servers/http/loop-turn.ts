/**
 * What all sockets brought in one turn of the loop goes on together: appends of different requests
 * to one partition then share a write, and each step is done for all of them before the next.
 */
export class LoopTurn {
  #end: Promise<void> | undefined;

  /** Resolves, in the order of the calls, when what came in this turn has been read. */
  end(): Promise<void> {
    this.#end ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#end = undefined;
        resolve();
      });
    });
    return this.#end;
  }
}
