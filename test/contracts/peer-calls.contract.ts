import { expect, test } from "vitest";
import { XylemError } from "../../src/base/errors.ts";
import { appendOf, startPair } from "../support/peer-pair.ts";
import type { PeerWorld } from "../support/peer-world.ts";

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const nothing = new Uint8Array(0);

/** The code that a call is refused with, however long that takes. */
async function refusalOf(world: PeerWorld, call: Promise<unknown>): Promise<string> {
  let code = "";
  call.then(
    () => (code = "answered"),
    (error: unknown) => (code = error instanceof XylemError ? error.code : String(error)),
  );
  await world.until("the call ends", () => code !== "");
  return code;
}

async function answerOf(world: PeerWorld, call: Promise<Uint8Array>): Promise<string> {
  let text: string | undefined;
  void call.then((bytes) => (text = textOf(bytes)));
  await world.until("the call is answered", () => text !== undefined);
  return text ?? "";
}

/** What every `PeerLinks` holds about calls. */
export function peerCallsContract(world: () => PeerWorld): void {
  answersContract(world);
  failuresContract(world);
}

function answersContract(world: () => PeerWorld): void {
  test("a call is answered, whoever asks, and knows who asked", async () => {
    const [one, two] = await startPair(world());
    for (const node of [one, two]) {
      node.links.serve("greet", (from, body) =>
        Promise.resolve(bytesOf(`${textOf(body)} ${from.id}/${from.incarnation}`)),
      );
    }
    const greet = (): Uint8Array => bytesOf("hello");
    expect(await answerOf(world(), one.links.call(2, "greet", greet(), 5_000))).toBe(
      `hello 1/${one.incarnation}`,
    );
    expect(await answerOf(world(), two.links.call(1, "greet", greet(), 5_000))).toBe(
      `hello 2/${two.incarnation}`,
    );
    expect(await answerOf(world(), two.links.call(2, "greet", greet(), 5_000))).toBe(
      `hello 2/${two.incarnation}`,
    );
  });

  test("a node that nobody wants is linked for a call", async () => {
    const one = await world().start(1);
    const two = await world().start(2);
    two.links.serve("echo", (_from, body) => Promise.resolve(body));
    expect(await answerOf(world(), one.links.call(2, "echo", bytesOf("x"), 5_000))).toBe("x");
    expect(one.linkTo(two).isOpen).toBe(true);
  });

  test("calls are answered out of order, each its own", async () => {
    const [one, two] = await startPair(world());
    const waiting = new Map<string, () => void>();
    two.links.serve("wait", async (_from, body) => {
      await new Promise<void>((resolve) => waiting.set(textOf(body), resolve));
      return body;
    });
    const answers: string[] = [];
    for (const name of ["a", "b", "c"]) {
      void one.links.call(2, "wait", bytesOf(name), 60_000).then((at) => answers.push(textOf(at)));
    }
    await world().until("all are asked", () => waiting.size === 3);
    for (const name of ["c", "a", "b"]) {
      waiting.get(name)?.();
      await world().until("it is answered", () => answers.at(-1) === name);
    }
  });

  test("bodies of calls that are not answered take up half of the room, not more", async () => {
    const settings = { "peer.window.bytes": 100_000 };
    const [one, two] = await startPair(world(), [{}, { settings }]);
    const waiting: (() => void)[] = [];
    two.links.serve("wait", async (_from, body) => {
      if (body.length > 0) await new Promise<void>((resolve) => waiting.push(resolve));
      return nothing;
    });
    const calls = Array.from({ length: 10 }, () =>
      one.links.call(2, "wait", new Uint8Array(30_000), 60_000),
    );
    await world().pass(700);
    expect(waiting).toHaveLength(1);
    expect(one.linkTo(two).inFlightBytes).toBeGreaterThanOrEqual(30_000);
    one.linkTo(two).send(appendOf(1), [new Uint8Array(20_000)]);
    await world().until("records pass", () => two.messages.length === 1);
    const all = Promise.all(calls).then(() => bytesOf("all"));
    await world().until("all are asked", () => {
      for (const resolve of waiting) resolve();
      return waiting.length === 10;
    });
    for (const resolve of waiting) resolve();
    expect(await answerOf(world(), all)).toBe("all");
    await world().until("all was taken", () => one.linkTo(two).inFlightBytes === 0);
  });

  test("an answer waits for room, and other things go on", async () => {
    const settings = { "peer.window.bytes": 70_000, "peer.frame.max.bytes": 1_000_000 };
    const releases: (() => void)[] = [];
    const [one, two] = await startPair(world(), [
      { settings, onMessages: (delivery) => void releases.push(delivery.hold()) },
    ]);
    two.links.serve("large", () => Promise.resolve(new Uint8Array(60_000)));
    const link = two.linkTo(one);
    while (link.hasRoom) link.send(appendOf(1), [new Uint8Array(10_000)]);
    const calls = Promise.all([1, 2, 3].map(() => one.links.call(2, "large", nothing, 60_000)));
    await world().pass(100);
    expect(one.links.find(2)?.isOpen).toBe(true);
    for (const release of releases) release();
    expect(
      await answerOf(
        world(),
        calls.then((all) => bytesOf(String(all.length))),
      ),
    ).toBe("3");
  });
}

function failuresContract(world: () => PeerWorld): void {
  test("an error of the other side keeps its code; what else it throws is its own", async () => {
    const [one, two] = await startPair(world());
    two.links.serve("refuse", () =>
      Promise.reject(new XylemError("NOT_CONTROLLER", "node 3 is the controller")),
    );
    two.links.serve("break", () => Promise.reject(new Error("a secret path")));
    const call = one.links.call(2, "refuse", nothing, 5_000);
    expect(await refusalOf(world(), call)).toBe("NOT_CONTROLLER");
    await expect(call).rejects.toThrow("node 3 is the controller");
    const broken = one.links.call(2, "break", nothing, 5_000);
    expect(await refusalOf(world(), broken)).toBe("UNKNOWN_SERVER_ERROR");
    await expect(broken).rejects.not.toThrow("secret");
    expect(two.log.withLevel("error")).toHaveLength(1);
    const unknown = one.links.call(2, "unheard of", nothing, 5_000);
    expect(await refusalOf(world(), unknown)).toBe("UNSUPPORTED_VERSION");
  });

  test("unreached, unanswered and lost are told apart", async () => {
    const [one, two] = await startPair(world());
    two.links.serve("never", () => new Promise(() => {}));
    const unreached = one.links.call(9, "never", nothing, 200);
    expect(await refusalOf(world(), unreached)).toBe("BROKER_NOT_AVAILABLE");
    const unanswered = one.links.call(2, "never", nothing, 200);
    expect(await refusalOf(world(), unanswered)).toBe("REQUEST_TIMED_OUT");
    const lost = one.links.call(2, "never", nothing, 60_000);
    await world().pass(100);
    two.kill();
    expect(await refusalOf(world(), lost)).toBe("NETWORK_EXCEPTION");
  });

  test("more calls than may be under way are refused, here and there", async () => {
    const few = { settings: { "peer.calls.max": 3 } };
    const [one, two] = await startPair(world(), [{}, few]);
    two.links.serve("never", () => new Promise(() => {}));
    one.links.serve("never", () => new Promise(() => {}));
    for (let count = 0; count < 3; count += 1) {
      void one.links.call(2, "never", nothing, 60_000).catch(() => {});
      void two.links.call(1, "never", nothing, 60_000).catch(() => {});
    }
    await world().pass(50);
    const there = one.links.call(2, "never", nothing, 60_000);
    expect(await refusalOf(world(), there)).toBe("THROTTLING_QUOTA_EXCEEDED");
    const here = two.links.call(1, "never", nothing, 60_000);
    expect(await refusalOf(world(), here)).toBe("THROTTLING_QUOTA_EXCEEDED");
  });

  test("bodies and answers that no frame takes are refused, and the link stays", async () => {
    const settings = { "peer.frame.max.bytes": 100_000 };
    const [one, two] = await startPair(world(), [{ settings }, { settings }]);
    two.links.serve("large", () => Promise.resolve(new Uint8Array(200_000)));
    const question = one.links.call(2, "large", new Uint8Array(200_000), 5_000);
    expect(await refusalOf(world(), question)).toBe("MESSAGE_TOO_LARGE");
    const answer = one.links.call(2, "large", nothing, 5_000);
    expect(await refusalOf(world(), answer)).toBe("MESSAGE_TOO_LARGE");
    expect(one.closed).toEqual([]);
  });
}
