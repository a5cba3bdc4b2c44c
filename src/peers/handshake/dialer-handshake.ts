import { joinBytes } from "../../base/bytes.ts";
import {
  explain,
  HandshakeInput,
  type HandshakeSelf,
  type HandshakeStep,
  secretDiffers,
} from "./handshake.ts";
import {
  type HandshakeReply,
  prefaceBytes,
  readReply,
  takeMessage,
  writeIntroduction,
  writeReply,
} from "./handshake-messages.ts";
import { isSameProof, makeProof } from "./prove.ts";

type Challenge = Extract<HandshakeReply, { kind: "challenge" }>;
type Acceptance = Extract<HandshakeReply, { kind: "acceptance" }>;

/**
 * The side that dialed. States: introduced -> proving (its proof is out) -> agreed. It proves
 * first: who only connects to a node learns nothing that a guess at the secret could be tried on.
 */
export class DialerHandshake {
  readonly #self: HandshakeSelf;
  readonly #introduction: Uint8Array;
  readonly #wantedId: number;
  readonly #input = new HandshakeInput();
  #transcript: readonly Uint8Array[] = [];
  #peer: Challenge | undefined;

  /** `nonce`: 32 bytes, never used before. */
  constructor(self: HandshakeSelf, wantedId: number, nonce: Uint8Array) {
    this.#self = self;
    this.#wantedId = wantedId;
    const { clusterId, identity: from, limits, versions } = self;
    this.#introduction = joinBytes([
      prefaceBytes,
      Uint8Array.of(versions.min, versions.max),
      writeIntroduction({ clusterId, from, wantedId, nonce, limits }),
    ]);
  }

  /** The first thing to be sent. */
  get introduction(): Uint8Array {
    return this.#introduction;
  }

  /** The other side may already hold the link for open. */
  get isProving(): boolean {
    return this.#peer !== undefined;
  }

  /** Throws MalformedError. */
  receive(chunk: Uint8Array): HandshakeStep {
    this.#input.push(chunk);
    const send: Uint8Array[] = [];
    for (;;) {
      const message = takeMessage(this.#input.bytes);
      if (message === undefined) return { send };
      this.#input.drop(message.length);
      const step = this.#take(readReply(message.subarray(4)), message);
      send.push(...step.send);
      if (step.agreed !== undefined || step.failure !== undefined) return { ...step, send };
    }
  }

  #take(reply: HandshakeReply, message: Uint8Array): HandshakeStep {
    if (reply.kind === "refusal") return failed(`refused: ${explain(reply.reason)}`);
    if (reply.kind === "challenge" && !this.isProving) return this.#prove(reply, message);
    if (reply.kind === "acceptance" && this.isProving) return this.#check(reply);
    return failed(`a ${reply.kind} came out of turn`);
  }

  #prove(challenge: Challenge, message: Uint8Array): HandshakeStep {
    const { from, version } = challenge;
    const { key, versions } = this.#self;
    if (from.id !== this.#wantedId) return failed(`it is node ${from.id}`);
    if (version < versions.min || version > versions.max) return failed(explain("version"));
    this.#peer = challenge;
    this.#transcript = [this.#introduction, message.slice()];
    const proof = makeProof(key, "dialer", this.#transcript);
    return { send: [writeReply({ kind: "proof", proof })] };
  }

  #check({ turn, proof }: Acceptance): HandshakeStep {
    const { key, identity, arbitrate } = this.#self;
    const { from: peer, limits, version } = this.#peer as Challenge;
    if (!isSameProof(proof, makeProof(key, "acceptor", this.#transcript, turn))) {
      return failed(`its proof is wrong; ${secretDiffers}`);
    }
    const agreed = { peer, version, limits, rest: this.#input.bytes };
    if (peer.id < identity.id) return { send: [], agreed: { ...agreed, turn } };
    const verdict = arbitrate(peer);
    if ("refusal" in verdict) return failed(explain(verdict.refusal));
    const confirmation = makeProof(key, "confirmation", this.#transcript, verdict.turn);
    const reply = { kind: "confirmation", turn: verdict.turn, proof: confirmation } as const;
    return { send: [writeReply(reply)], agreed: { ...agreed, turn: verdict.turn } };
  }
}

function failed(failure: string): HandshakeStep {
  return { send: [], failure };
}
