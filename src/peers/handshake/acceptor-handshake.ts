import { MalformedError } from "../../base/errors.ts";
import {
  explain,
  HandshakeInput,
  type HandshakeSelf,
  type HandshakeStep,
  secretDiffers,
} from "./handshake.ts";
import {
  agreeOnVersion,
  type HandshakeReply,
  type Introduction,
  prefaceBytes,
  prefaceSizeBytes,
  readIntroduction,
  readReply,
  type Refusal,
  takeMessage,
  writeReply,
} from "./handshake-messages.ts";
import { isSameProof, makeProof } from "./prove.ts";

/** The side that was dialed. States: awaiting -> challenged -> (accepting ->) agreed. */
export class AcceptorHandshake {
  readonly #self: HandshakeSelf;
  readonly #nonce: Uint8Array;
  readonly #input = new HandshakeInput();
  #state: "awaiting" | "challenged" | "accepting" = "awaiting";
  #introduction: Introduction | undefined;
  #version = 0;
  #transcript: readonly Uint8Array[] = [];

  /** `nonce`: 32 bytes, never used before. */
  constructor(self: HandshakeSelf, nonce: Uint8Array) {
    this.#self = self;
    this.#nonce = nonce;
  }

  /** Throws MalformedError. */
  receive(chunk: Uint8Array): HandshakeStep {
    this.#input.push(chunk);
    const send: Uint8Array[] = [];
    for (;;) {
      const step = this.#state === "awaiting" ? this.#greet() : this.#takeReply();
      if (step === undefined) return { send };
      send.push(...step.send);
      if (step.agreed !== undefined || step.failure !== undefined) return { ...step, send };
    }
  }

  #greet(): HandshakeStep | undefined {
    const { bytes } = this.#input;
    for (let at = 0; at < Math.min(bytes.length, prefaceBytes.length); at += 1) {
      if (bytes[at] !== prefaceBytes[at]) throw new MalformedError("it is no node of Xylem");
    }
    if (bytes.length < prefaceSizeBytes) return undefined;
    const message = takeMessage(bytes.subarray(prefaceSizeBytes));
    if (message === undefined) return undefined;
    const [min = 0, max = 0] = bytes.subarray(prefaceBytes.length, prefaceSizeBytes);
    const version = agreeOnVersion(this.#self.versions, { min, max });
    if (version === undefined) return refused("version");
    const said = bytes.slice(0, prefaceSizeBytes + message.length);
    this.#input.drop(said.length);
    return this.#challenge(readIntroduction(message.subarray(4)), version, said);
  }

  #challenge(introduction: Introduction, version: number, said: Uint8Array): HandshakeStep {
    const { clusterId, identity, limits } = this.#self;
    if (introduction.clusterId !== clusterId) return refused("cluster");
    if (introduction.wantedId !== identity.id) return refused("id");
    if (introduction.from.id === identity.id) return refused("itself");
    this.#introduction = introduction;
    this.#version = version;
    this.#state = "challenged";
    const nonce = this.#nonce;
    const reply = writeReply({ kind: "challenge", version, from: identity, nonce, limits });
    this.#transcript = [said, reply];
    return { send: [reply] };
  }

  #takeReply(): HandshakeStep | undefined {
    const message = takeMessage(this.#input.bytes);
    if (message === undefined) return undefined;
    this.#input.drop(message.length);
    const reply = readReply(message.subarray(4));
    if (reply.kind === "proof" && this.#state === "challenged") return this.#check(reply.proof);
    if (reply.kind === "confirmation" && this.#state === "accepting") return this.#confirm(reply);
    if (reply.kind === "refusal") return failed(`refused: ${explain(reply.reason)}`);
    return failed(`a ${reply.kind} came out of turn`);
  }

  #check(proof: Uint8Array): HandshakeStep {
    const { key, identity, arbitrate } = this.#self;
    const { from: peer, limits } = this.#introduction as Introduction;
    if (!isSameProof(proof, makeProof(key, "dialer", this.#transcript))) {
      return failed(`the proof of node ${peer.id} is wrong; ${secretDiffers}`);
    }
    if (peer.id < identity.id) {
      this.#state = "accepting";
      return { send: [this.#accept(0)] };
    }
    const verdict = arbitrate(peer);
    if ("refusal" in verdict) return refused(verdict.refusal);
    const { turn } = verdict;
    const agreed = { peer, version: this.#version, limits, turn, rest: this.#input.bytes };
    return { send: [this.#accept(turn)], agreed };
  }

  #accept(turn: number): Uint8Array {
    const proof = makeProof(this.#self.key, "acceptor", this.#transcript, turn);
    return writeReply({ kind: "acceptance", turn, proof });
  }

  #confirm({ turn, proof }: Extract<HandshakeReply, { kind: "confirmation" }>): HandshakeStep {
    const { from: peer, limits } = this.#introduction as Introduction;
    if (!isSameProof(proof, makeProof(this.#self.key, "confirmation", this.#transcript, turn))) {
      return failed(`the confirmation of node ${peer.id} is wrong`);
    }
    const agreed = { peer, version: this.#version, limits, turn, rest: this.#input.bytes };
    return { send: [], agreed };
  }
}

function refused(reason: Refusal): HandshakeStep {
  return { send: [writeReply({ kind: "refusal", reason })], failure: explain(reason) };
}

function failed(failure: string): HandshakeStep {
  return { send: [], failure };
}
