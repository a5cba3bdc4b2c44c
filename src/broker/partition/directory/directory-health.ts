import type { StorageHealth } from "../../ports/partition-storage.ts";
import type { AppendRoom } from "../append/append-room.ts";
import type { DamageLog } from "../segment/damage-log.ts";

/** How a data directory is doing, at the time it is asked. */
export class DirectoryHealth implements StorageHealth {
  readonly #room: AppendRoom;
  readonly #damages: DamageLog;

  constructor(room: AppendRoom, damages: DamageLog) {
    this.#room = room;
    this.#damages = damages;
  }

  get freeBytes(): number {
    return this.#room.freeBytes;
  }

  get usedBytes(): number {
    return this.#room.usedBytes;
  }

  get refusedAppends(): number {
    return this.#room.refusedAppends;
  }

  get damages(): number {
    return this.#damages.count;
  }

  get isFull(): boolean {
    return this.#room.isFull;
  }

  onFull(listener: () => void): void {
    this.#room.onFull(listener);
  }
}
