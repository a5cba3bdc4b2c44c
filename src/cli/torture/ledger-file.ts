import { type FileHandle, open, readFile } from "node:fs/promises";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { type Notes, Sequences, ToldRecords } from "./told-records.ts";

/**
 * Writes a line for each record that was acknowledged, "partition sequence offset", somewhere else
 * than on the disk whose power is cut.
 */
export class LedgerWriter implements Notes {
  readonly #sequences = new Sequences();
  readonly #file: FileHandle | undefined;
  #count = 0;

  private constructor(file: FileHandle | undefined) {
    this.#file = file;
  }

  /** A file that is not there yet, whose lines are flushed; or standard output: "-". */
  static async open(path: string): Promise<LedgerWriter> {
    if (path === "-") return new LedgerWriter(undefined);
    try {
      return new LedgerWriter(await open(path, "ax"));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new CommandFailure(`the ledger can not be made: ${why}`, exitCodes.usage, error);
    }
  }

  get count(): number {
    return this.#count;
  }

  next(partition: number): number {
    return this.#sequences.next(partition);
  }

  /** Resolves once the line is handed over: nothing waits here but a line for each partition. */
  async note(partition: number, sequence: number, offset: number): Promise<void> {
    const line = `${partition} ${sequence} ${offset}\n`;
    if (this.#file === undefined) await writeOut(line);
    else {
      await this.#file.write(line);
      await this.#file.datasync();
    }
    this.#count += 1;
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}

function writeOut(line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(line, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** What a ledger tells. Its last line may be cut short; any other has to be whole. */
export async function readLedger(path: string): Promise<ToldRecords> {
  const text = await readFile(path, "utf8").catch((error: Error) => {
    throw new CommandFailure(`there is no ledger: ${error.message}`, exitCodes.usage, error);
  });
  const told = new ToldRecords();
  const lines = text.split("\n").slice(0, -1);
  for (const [index, line] of lines.entries()) {
    const [partition, sequence, offset] = line.split(" ").map(Number);
    if (!/^\d+ \d+ \d+$/.test(line)) {
      throw new CommandFailure(`line ${index + 1} of ${path} is none of a ledger`);
    }
    told.note(partition ?? 0, sequence ?? 0, offset ?? 0);
  }
  if (told.count > 0) return told;
  throw new CommandFailure(`${path} tells of no acknowledged record`, exitCodes.usage);
}
