import fc from "fast-check";
import { expect, test } from "vitest";
import { joinBytes } from "../../base/bytes.ts";
import { MalformedError } from "../../base/errors.ts";
import { AcceptorHandshake } from "./acceptor-handshake.ts";
import { DialerHandshake } from "./dialer-handshake.ts";
import type { Agreed, HandshakeSelf, HandshakeStep } from "./handshake.ts";
import { prefaceBytes, prefaceSizeBytes, readReply, writeReply } from "./handshake-messages.ts";
import type { HandshakeMachine } from "./handshaking.ts";
import { derivePeerKey, isSameProof } from "./prove.ts";

const key = new Uint8Array(32).fill(5);
const limits = { windowBytes: 1_000, frameBytesMax: 2_000 };

function selfOf(id: number, more: Partial<HandshakeSelf> = {}): HandshakeSelf {
  return {
    identity: { id, incarnation: `incarnation-of-${id}` },
    clusterId: "a-cluster",
    limits,
    key,
    versions: { min: 1, max: 1 },
    arbitrate: () => ({ turn: 77 }),
    ...more,
  };
}

/** Two sides that have not met; the first one dials the second. */
function meet(dialerId: number, acceptorId: number, more: Partial<HandshakeSelf> = {}) {
  const dialer = new DialerHandshake(selfOf(dialerId), acceptorId, new Uint8Array(32).fill(1));
  const acceptor = new AcceptorHandshake(selfOf(acceptorId, more), new Uint8Array(32).fill(2));
  return { dialer, acceptor };
}

interface Outcome {
  /** All that was sent, in order: of the dialer at even places, of the acceptor at odd ones. */
  readonly sent: Uint8Array[];
  readonly dialer: HandshakeStep;
  readonly acceptor: HandshakeStep;
}

/** Carries messages to and fro until neither side has any; `change` may alter them on the way. */
function converse(
  { dialer, acceptor }: { dialer: DialerHandshake; acceptor: HandshakeMachine },
  change: (message: Uint8Array, place: number) => Uint8Array = (message) => message,
): Outcome {
  const sent: Uint8Array[] = [];
  const last: [HandshakeStep, HandshakeStep] = [{ send: [] }, { send: [] }];
  let message = dialer.introduction;
  for (let place = 0; message.length > 0; place += 1) {
    sent.push(message);
    const side = place % 2 === 0 ? acceptor : dialer;
    const step = receive(side, change(message, place));
    last[(place + 1) % 2] = step;
    message = joinBytes(step.send);
  }
  return { sent, dialer: last[0], acceptor: last[1] };
}

function receive(side: HandshakeMachine, bytes: Uint8Array): HandshakeStep {
  try {
    return side.receive(bytes);
  } catch (error) {
    if (error instanceof MalformedError) return { send: [], failure: error.message };
    throw error;
  }
}

test.each([
  [1, 2],
  [2, 1],
])("node %i dials node %i: both agree on who they are and which link it is", (from, to) => {
  const { dialer, acceptor } = converse(meet(from, to));
  const agreed = (id: number): Partial<Agreed> => ({
    peer: { id, incarnation: `incarnation-of-${id}` },
    version: 1,
    limits,
    turn: 77,
    rest: new Uint8Array(0),
  });
  expect(dialer.agreed).toEqual(agreed(to));
  expect(acceptor.agreed).toEqual(agreed(from));
});

test("it is the same when every byte comes by itself, and what follows is kept", () => {
  const { dialer, acceptor } = meet(1, 2);
  const { sent } = converse(meet(1, 2));
  const steps = sent
    .flatMap((message, place) => (place % 2 === 0 ? [...message] : []))
    .map((byte) => acceptor.receive(Uint8Array.of(byte)));
  expect(steps.at(-1)?.agreed?.peer.id).toBe(1);
  const answers = joinBytes(sent.filter((_, place) => place % 2 === 1));
  const step = dialer.receive(joinBytes([answers, Uint8Array.of(8, 9)]));
  expect([...(step.agreed?.rest ?? [])]).toEqual([8, 9]);
});

test.each([
  [1, 2],
  [2, 1],
])("whatever byte is altered between %i and %i, who gets it does not agree", (from, to) => {
  const plain = converse(meet(from, to)).sent;
  for (const [place, message] of plain.entries()) {
    for (let at = 0; at < message.length; at += 1) {
      const outcome = converse(meet(from, to), (bytes, now) => {
        if (now !== place) return bytes;
        const altered = bytes.slice();
        altered[at] = (altered[at] ?? 0) ^ (1 + (at % 255));
        return altered;
      });
      const receiver = place % 2 === 0 ? outcome.acceptor : outcome.dialer;
      expect(receiver.agreed, `message ${place}, byte ${at}`).toBeUndefined();
    }
  }
});

test("another key: the acceptor closes without a word, the dialer agrees to nothing", () => {
  const { dialer, acceptor, sent } = converse(meet(1, 2, { key: new Uint8Array(32) }));
  expect(acceptor.failure).toContain("the proof of node 1 is wrong; is cluster.secret the same");
  expect(acceptor.send).toEqual([]);
  expect(dialer.agreed).toBeUndefined();
  expect(sent).toHaveLength(3);
});

test("who only dials learns no proof of the acceptor's", () => {
  const { acceptor } = meet(1, 2);
  const introduction = converse(meet(1, 2)).sent[0] ?? key;
  const [challenge = key] = acceptor.receive(introduction).send;
  expect(readReply(challenge.subarray(4)).kind).toBe("challenge");
  const forged = writeReply({ kind: "proof", proof: new Uint8Array(32) });
  expect(acceptor.receive(forged)).toMatchObject({ send: [], failure: expect.anything() });
});

test("a proof that is sent back to who made it proves nothing", () => {
  const { dialer, acceptor } = meet(2, 1);
  const outcome = converse({
    dialer,
    acceptor: {
      receive: (bytes) => {
        if (bytes[0] === prefaceBytes[0]) return acceptor.receive(bytes);
        const reply = readReply(bytes.subarray(4));
        if (reply.kind !== "proof") return acceptor.receive(bytes);
        return { send: [writeReply({ kind: "acceptance", turn: 77, proof: reply.proof })] };
      },
    },
  });
  expect(outcome.dialer.failure).toContain("its proof is wrong");
});

test("what was recorded of one connection opens no other", () => {
  const { sent } = converse(meet(1, 2));
  const again = new AcceptorHandshake(selfOf(2), new Uint8Array(32).fill(3));
  const recorded = joinBytes(sent.filter((_, place) => place % 2 === 0));
  expect(again.receive(recorded)).toMatchObject({ failure: expect.stringContaining("wrong") });
});

test.each<[string, Partial<HandshakeSelf>, RegExp]>([
  ["of another cluster", { clusterId: "b" }, /different clusters/],
  ["of another id", { identity: { id: 4, incarnation: "c" } }, /another id/],
  ["that speaks later versions only", { versions: { min: 2, max: 9 } }, /no version/],
  ["that stops", { arbitrate: () => ({ refusal: "stopping" }) }, /stops/],
])("a node %s says why it refuses, to the dialer too", (_case, more, reason) => {
  const { dialer, acceptor } = converse(meet(3, 2, more));
  expect(acceptor.failure).toMatch(reason);
  expect(dialer.failure).toMatch(reason);
});

test("any bytes: more is awaited, or the connection fails; never anything else", () => {
  const plain = converse(meet(1, 2)).sent;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 700 }), fc.nat({ max: 2 }), (bytes, known) => {
      const { dialer, acceptor } = meet(1, 2);
      const side: HandshakeMachine = known === 1 ? dialer : acceptor;
      if (known === 2) acceptor.receive((plain[0] ?? key).subarray(0, prefaceSizeBytes));
      expect(receive(side, bytes).agreed).toBeUndefined();
    }),
  );
});

test("the key is the secret's and the cluster's", async () => {
  const one = await derivePeerKey("a secret of some length", "cluster-1");
  expect(one).toHaveLength(32);
  expect(isSameProof(one, await derivePeerKey("a secret of some length", "cluster-1"))).toBe(true);
  expect(isSameProof(one, await derivePeerKey("a secret of some length", "cluster-2"))).toBe(false);
  expect(isSameProof(one, await derivePeerKey("another secret", "cluster-1"))).toBe(false);
});
