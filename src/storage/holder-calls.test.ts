import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { XylemError } from "../base/errors.ts";
import { askHolder, callHolder, lockDirectory, type DirectoryLock } from "./directory-lock.ts";
import type { OnCall } from "./holder-calls.ts";

let root = "";
let lock: DirectoryLock | undefined;
const onStop = (): void => undefined;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "xylem-calls-"));
});

afterEach(async () => {
  await lock?.release();
  lock = undefined;
  await rm(root, { recursive: true, force: true });
});

async function hold(onCall: OnCall): Promise<void> {
  lock = await lockDirectory(root, { onStop, onCall });
}

const call = (command: string, argument: unknown = {}): Promise<unknown> =>
  callHolder(root, { command, argument });

describe("calls to the holder of a directory", () => {
  test("command and argument arrive as they were sent, and the answer comes back", async () => {
    await hold(async ({ command, argument }) => ({ command, argument }));
    const argument = { name: "größe\n\u2028", list: [1, null, "é".repeat(70_000)] };
    expect(await call("echo", argument)).toEqual({ command: "echo", argument });
    expect(await call("none", null)).toEqual({ command: "none", argument: null });
  });

  test("what a command throws for clients is told by code, other failures are not", async () => {
    await hold(async ({ command }) => {
      if (command === "plain") throw new Error("secret");
      throw new XylemError("POLICY_VIOLATION", "too\nmany");
    });
    await expect(call("refused")).rejects.toMatchObject({
      code: "POLICY_VIOLATION",
      message: "too\nmany",
    });
    const error = await call("plain").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "UNKNOWN_SERVER_ERROR" });
    expect(String(error)).not.toContain("secret");
  });

  test("progress is told in order, before the answer", async () => {
    await hold(async ({ progress }) => {
      for (let step = 1; step <= 3; step += 1) {
        progress({ step });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return "done";
    });
    const seen: unknown[] = [];
    const onProgress = (state: unknown): unknown => seen.push(state);
    const answer = await callHolder(root, { command: "long", argument: {}, onProgress });
    expect([answer, seen]).toEqual(["done", [{ step: 1 }, { step: 2 }, { step: 3 }]]);
  });

  test("nobody there, and a holder that takes no commands, are told apart", async () => {
    await expect(call("x")).rejects.toMatchObject({ code: "BROKER_NOT_AVAILABLE" });
    await expect(callHolder(join(root, "no"), { command: "x", argument: 1 })).rejects.toThrow(
      "no node runs on",
    );
    lock = await lockDirectory(root, { onStop });
    await expect(call("x")).rejects.toMatchObject({ code: "UNSUPPORTED_VERSION" });
  });

  test("calls past the bound are refused and leave pings alone", async () => {
    const waiting = Promise.withResolvers<void>();
    await hold(async () => await waiting.promise);
    const calls = Array.from({ length: 8 }, () => call("wait"));
    await expect
      .poll(() => call("one more").catch((error: XylemError) => error.code))
      .toBe("THROTTLING_QUOTA_EXCEEDED");
    expect(await askHolder(root, "ping")).toBe(`pong ${process.pid}`);
    waiting.resolve();
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 8 }, () => null));
  });

  test("a caller that goes away, and a holder that lets go, abort the call", async () => {
    const signals: AbortSignal[] = [];
    await hold(async ({ signal }) => {
      signals.push(signal);
      await once(signal, "abort");
      throw new XylemError("BROKER_NOT_AVAILABLE", "given up");
    });
    const caller = connect(join(root, "xylem.sock"));
    caller.write("call wait {}\n");
    await expect.poll(() => signals.length).toBe(1);
    caller.destroy();
    await expect.poll(() => signals[0]?.aborted).toBe(true);
    const left = call("wait").catch((error: Error) => error.message);
    await expect.poll(() => signals.length).toBe(2);
    await lock?.release();
    expect(await left).toBe("given up");
  });

  test.each([
    ["call x {\n", "INVALID_REQUEST"],
    ["call  {}\n", "INVALID_REQUEST"],
    ["call x\n", "INVALID_REQUEST"],
    [`call x "${"y".repeat(1_100_000)}`, ""],
    [`${"y".repeat(100)}\n`, ""],
  ])("a bad line ends its own connection only: %#", async (line, code) => {
    await hold(async () => "fine");
    const socket = connect(join(root, "xylem.sock"));
    socket.on("error", () => {});
    let received = "";
    socket.setEncoding("utf8").on("data", (text: string) => (received += text));
    socket.write(line);
    await new Promise((resolve) => socket.on("close", resolve));
    expect(received).toContain(code);
    expect(received).not.toContain("done");
    expect(await call("next")).toBe("fine");
  });
});
