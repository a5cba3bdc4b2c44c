import { createReadStream } from "node:fs";
import { CommandFailure } from "../exit-codes.ts";

/** A line longer than this is taken for a file that has none. */
const lineBytesMax = 64 * 1_024 * 1_024;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** Standard input, or files one after the other, `-` being standard input. */
export async function* readInputs(files: readonly string[]): AsyncGenerator<Buffer> {
  for (const file of files.length === 0 ? ["-"] : files) {
    try {
      yield* file === "-" ? process.stdin : createReadStream(file);
    } catch (error) {
      throw new CommandFailure(error instanceof Error ? error.message : String(error));
    }
  }
}

/**
 * Lines as bytes, without their ends (LF or CRLF); the last one needs no end. What one chunk
 * completes comes together: nobody waits for more.
 */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer[]> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of chunks) {
    const lines: Buffer[] = [];
    let from = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, from)) {
      const part = chunk.subarray(from, end);
      lines.push(withoutReturn(rest.length === 0 ? part : Buffer.concat([...rest, part])));
      rest = [];
      restBytes = 0;
      from = end + 1;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
    restBytes += chunk.length - from;
    if (restBytes > lineBytesMax) throw new CommandFailure(`a line is over ${lineBytesMax} bytes`);
    if (lines.length > 0) yield lines;
  }
  if (rest.length > 0) yield [withoutReturn(Buffer.concat(rest))];
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === carriageReturn ? line.subarray(0, -1) : line;
}
