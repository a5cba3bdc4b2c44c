import { XylemError } from "../base/errors.ts";
import type {
  PeerCallHandler,
  PeerIdentity,
  PeerLink,
  PeerLinks,
  PeerMessageListener,
} from "../broker/ports/peer-links.ts";
import type { PeerSocket } from "../broker/ports/peer-transport.ts";
import { OutgoingCalls } from "./calls/outgoing-calls.ts";
import { ServedCalls } from "./calls/served-calls.ts";
import { AcceptorHandshake } from "./handshake/acceptor-handshake.ts";
import { DialerHandshake } from "./handshake/dialer-handshake.ts";
import type { Agreed, HandshakeSelf, Verdict } from "./handshake/handshake.ts";
import { nonceBytes, ownVersions } from "./handshake/handshake-messages.ts";
import { Handshaking } from "./handshake/handshaking.ts";
import { Listeners } from "./listeners.ts";
import { type ConnectionHost, PeerConnection } from "./peer-connection.ts";
import type { PeerMeshParts } from "./peer-mesh-parts.ts";
import { PeerPlace } from "./peer-place.ts";
import { redialDelayMs } from "./redial-delay.ts";
import { SeldomWarning } from "./seldom-warning.ts";

/** One may fall between two signs of life. */
const ticksMin = 2;
/** Who lost a link that only the other side wanted leaves the first dials to it. */
const lookedForFailures = 2;

/**
 * The links of one node. Either side may dial; of several connections between two nodes the one
 * with the lower id decides, and numbers its decisions, so that both keep the same one.
 */
export class PeerMesh implements PeerLinks {
  readonly #parts: PeerMeshParts;
  readonly #self: HandshakeSelf;
  readonly #host: ConnectionHost;
  readonly #served: ServedCalls;
  readonly #places = new Map<number, PeerPlace>();
  readonly #accepting = new Set<Handshaking>();
  readonly #leaving = new Set<PeerConnection>();
  readonly #opened = new Listeners<[PeerLink]>();
  readonly #messages = new Listeners<Parameters<PeerMessageListener>>();
  readonly #closed = new Listeners<[PeerLink]>();
  readonly #gone = new Listeners<[PeerIdentity]>();
  readonly #refused: SeldomWarning;
  #turn = 0;
  #isStopping = false;
  #stopTicking = (): void => {};
  #whenEmpty = (): void => {};

  constructor(parts: PeerMeshParts) {
    const { identity, clusterId, key, settings, crc32c, soon, log, clock } = parts;
    const limits = {
      windowBytes: settings["peer.window.bytes"],
      frameBytesMax: settings["peer.frame.max.bytes"],
    };
    this.#parts = parts;
    this.#refused = new SeldomWarning(log, clock);
    this.#served = new ServedCalls(settings["peer.calls.max"], log);
    const arbitrate = (peer: PeerIdentity): Verdict => this.#arbitrate(peer);
    const versions = parts.versions ?? ownVersions;
    this.#self = { identity, clusterId, limits, key, versions, arbitrate };
    this.#host = this.#makeHost({ limits, crc32c, soon });
    this.#tickLater();
  }

  want(nodeId: number): void {
    if (nodeId === this.#parts.identity.id) return;
    const place = this.#placeOf(nodeId);
    place.isWanted = true;
    this.#review(place);
  }

  unwant(nodeId: number): void {
    const place = this.#places.get(nodeId);
    if (place === undefined) return;
    place.isWanted = false;
    this.#review(place);
  }

  find(nodeId: number): PeerLink | undefined {
    const link = this.#places.get(nodeId)?.link;
    return link?.isOpen ? link : undefined;
  }

  onOpened(listener: (link: PeerLink) => void): () => void {
    return this.#opened.add(listener);
  }

  onMessages(listener: PeerMessageListener): () => void {
    return this.#messages.add(listener);
  }

  onClosed(listener: (link: PeerLink) => void): () => void {
    return this.#closed.add(listener);
  }

  onGone(listener: (peer: PeerIdentity) => void): () => void {
    return this.#gone.add(listener);
  }

  call(nodeId: number, name: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const { identity } = this.#parts;
    if (nodeId === identity.id) {
      return Promise.resolve().then(() => this.#served.handle(identity, name, body));
    }
    if (this.#isStopping) {
      return Promise.reject(new XylemError("BROKER_NOT_AVAILABLE", "this node stops"));
    }
    const place = this.#placeOf(nodeId);
    const answer = place.calls.start(name, body, timeoutMs);
    this.#review(place);
    if (place.link?.isOpen) place.calls.pump(place.link);
    return answer;
  }

  serve(name: string, handler: PeerCallHandler): void {
    this.#served.serve(name, handler);
  }

  /** A node is registered anew: if it is wanted it is dialed at once, not after its back-off. */
  addressChanged(nodeId: number): void {
    const place = this.#places.get(nodeId);
    if (place?.cancelRedial === undefined) return;
    place.cancelRedial();
    place.cancelRedial = undefined;
    place.failures = 0;
    this.#review(place);
  }

  /** Takes over a connection whose first byte says that it comes from a node. */
  accept(socket: PeerSocket): void {
    const { settings, random, clock } = this.#parts;
    if (this.#isStopping) return socket.destroy();
    if (this.#accepting.size >= settings["peer.handshakes.max"]) this.#dropOldestHandshake();
    const machine = new AcceptorHandshake(this.#self, random.bytes(nonceBytes));
    const handshaking: Handshaking = new Handshaking(socket, machine, {
      clock,
      timeoutMs: settings["peer.setup.timeout.ms"],
      onAgreed: (agreedSocket, agreed) => {
        this.#accepting.delete(handshaking);
        this.#adopt(agreedSocket, agreed);
      },
      onFailed: (reason) => {
        this.#accepting.delete(handshaking);
        this.#refused.tell("connection of a node refused", { remote: socket.remote, reason });
      },
    });
    this.#accepting.add(handshaking);
  }

  /** A node proves itself in no time: who is slowest is a stranger, or far away. */
  #dropOldestHandshake(): void {
    const [oldest] = this.#accepting;
    if (oldest === undefined) return;
    this.#accepting.delete(oldest);
    oldest.cancel();
    const { remote } = oldest;
    this.#refused.tell("connection of a node refused: too many are in their handshake", { remote });
  }

  /** Links that are open. */
  get linkCount(): number {
    let count = 0;
    for (const { link } of this.#places.values()) if (link?.isOpen) count += 1;
    return count;
  }

  /** What was sent still goes out, to those who take it in time. */
  async close(): Promise<void> {
    this.#isStopping = true;
    this.#stopTicking();
    for (const handshaking of this.#accepting) handshaking.cancel();
    this.#accepting.clear();
    for (const place of this.#places.values()) this.#leave(place);
    if (this.#leaving.size > 0) await new Promise<void>((done) => (this.#whenEmpty = done));
  }

  #leave(place: PeerPlace): void {
    place.cancelRedial?.();
    place.cancelRedial = undefined;
    place.stopLingering();
    place.dial?.cancel();
    place.dial = undefined;
    if (place.link !== undefined) {
      this.#leaving.add(place.link);
      place.link.close();
    }
    place.calls.stop();
  }

  #placeOf(nodeId: number): PeerPlace {
    const known = this.#places.get(nodeId);
    if (known !== undefined) return known;
    const { clock, settings } = this.#parts;
    const callsMax = settings["peer.calls.max"];
    const onIdle = (): void => this.#linger(place);
    const calls = new OutgoingCalls({ nodeId, callsMax, clock, onIdle });
    const place: PeerPlace = new PeerPlace(nodeId, calls);
    this.#places.set(nodeId, place);
    return place;
  }

  #linger(place: PeerPlace): void {
    place.stopLingering();
    if (this.#isStopping || place.isWanted) return;
    if (place.link === undefined) return this.#review(place);
    place.linger(this.#parts.clock, () => this.#review(place));
  }

  /** Who wanted this link dials first if he lives; else a refused dial tells that he is gone. */
  #lookFor(place: PeerPlace): void {
    place.failures = Math.max(place.failures, lookedForFailures);
    place.linger(this.#parts.clock, () => this.#review(place));
  }

  /** Does what follows from what is wanted of a node and what is there. */
  #review(place: PeerPlace): void {
    if (this.#isStopping) return;
    const { link, wantsLink } = place;
    if (link !== undefined) {
      if (!link.isOpen) return;
      if (wantsLink || link.isWantedByPeer) link.sayWanted(wantsLink);
      else link.closeUnwanted();
      return;
    }
    if (wantsLink) {
      if (place.dial === undefined && place.cancelRedial === undefined) this.#startDialing(place);
      return;
    }
    place.cancelRedial?.();
    place.cancelRedial = undefined;
    if (place.dial?.isProving !== true) this.#endDial(place);
    if (place.isIdle && this.#places.get(place.nodeId) === place) this.#places.delete(place.nodeId);
  }

  /** Mostly both begin to want each other at once: the node with the higher id gives way. */
  #startDialing(place: PeerPlace): void {
    const { identity, settings } = this.#parts;
    if (identity.id < place.nodeId) this.#dial(place);
    else this.#dialAfter(place, settings["peer.reconnect.backoff.ms"]);
  }

  #dialAfter(place: PeerPlace, delayMs: number): void {
    place.cancelRedial = this.#parts.clock.schedule(delayMs, () => {
      place.cancelRedial = undefined;
      if (place.link === undefined && place.dial === undefined) this.#dial(place);
    });
  }

  #dial(place: PeerPlace): void {
    const { addressOf, transport, random, clock, settings } = this.#parts;
    const address = addressOf(place.nodeId);
    if (address === undefined) return this.#dialFailed(place, "it is not registered");
    const { nodeId: id } = place;
    const machine = new DialerHandshake(this.#self, id, random.bytes(nonceBytes));
    place.dial = new Handshaking(transport.dial(address), machine, {
      clock,
      timeoutMs: settings["peer.setup.timeout.ms"],
      onAgreed: (socket, agreed) => {
        place.dial = undefined;
        this.#adopt(socket, agreed);
      },
      onFailed: (reason, isNobodyThere) => {
        place.dial = undefined;
        this.#dialFailed(place, reason);
        if (isNobodyThere) this.#gone.tell({ id, incarnation: address.incarnation });
      },
    });
  }

  #endDial(place: PeerPlace): void {
    place.dial?.cancel();
    place.dial = undefined;
  }

  #dialFailed(place: PeerPlace, reason: string): void {
    this.#report(place, "another node can not be reached", reason);
    if (place.link === undefined) this.#redial(place);
  }

  #redial(place: PeerPlace): void {
    if (this.#isStopping || !place.wantsLink) return this.#review(place);
    const { settings, random } = this.#parts;
    this.#dialAfter(place, redialDelayMs(settings, place.failures, random));
    place.failures += 1;
  }

  /** Once for each reason, until the link stands again. */
  #report(place: PeerPlace, message: string, reason: string): void {
    const level = place.lastReason === reason ? "debug" : "warn";
    place.lastReason = reason;
    this.#parts.log[level](message, { node: place.nodeId, reason });
  }

  #arbitrate(peer: PeerIdentity): Verdict {
    if (this.#isStopping) return { refusal: "stopping" };
    if (this.#isImpostor(peer)) return { refusal: "incarnation" };
    this.#turn += 1;
    return { turn: this.#turn };
  }

  /** A node that came back under an id, while the one that is registered under it is linked. */
  #isImpostor({ id, incarnation }: PeerIdentity): boolean {
    const listed = this.#parts.addressOf(id)?.incarnation;
    const linked = this.#places.get(id)?.link;
    return listed !== incarnation && linked?.isOpen === true && linked.peer.incarnation === listed;
  }

  #adopt(socket: PeerSocket, agreed: Agreed): void {
    const { peer, turn } = agreed;
    const before = this.#placeOf(peer.id);
    const isOlder = before.turnOf === peer.incarnation && turn <= before.turn;
    if (this.#isStopping || isOlder || this.#isImpostor(peer)) {
      socket.destroy();
      if (before.link === undefined && before.dial === undefined) this.#redial(before);
      return;
    }
    before.link?.giveWay();
    // A place that nobody wants goes with its link.
    const place = this.#placeOf(peer.id);
    place.turn = turn;
    place.turnOf = peer.incarnation;
    place.cancelRedial?.();
    place.cancelRedial = undefined;
    // The dialed side with the lower id may have decided for that one since: it is left to end.
    if (this.#parts.identity.id < peer.id || place.dial?.isProving !== true) this.#endDial(place);
    this.#open(place, socket, agreed);
  }

  #open(place: PeerPlace, socket: PeerSocket, agreed: Agreed): void {
    const { log, clock } = this.#parts;
    const link = new PeerConnection(socket, agreed, this.#host);
    place.link = link;
    place.openedMs = clock.monotonicMs();
    place.lastReason = "";
    log.info("linked to another node", { node: place.nodeId, remote: socket.remote });
    socket.attach(link);
    link.sayWanted(place.wantsLink);
    this.#opened.tell(link);
    place.calls.pump(link);
    if (agreed.rest.length > 0) link.received(agreed.rest);
  }

  #linkClosed(link: PeerConnection, reason: string): void {
    const place = this.#places.get(link.peer.id);
    const isWanted = place?.wantsLink === true || link.isWantedByPeer;
    const isExpected = (this.#leaving.delete(link) || !isWanted) && !link.isGivenUp;
    this.#closed.tell(link);
    if (place !== undefined && place.link === link) {
      place.link = undefined;
      place.lingerNoMore();
      place.calls.linkClosed();
      if (isExpected) this.#parts.log.info("link to another node ended", { node: place.nodeId });
      else this.#report(place, "link to another node lost", reason);
      const { clock, settings } = this.#parts;
      const lastedMs = clock.monotonicMs() - place.openedMs;
      if (lastedMs >= settings["peer.reconnect.backoff.max.ms"]) place.failures = 0;
      if (!isExpected && !place.wantsLink) this.#lookFor(place);
      if (place.dial === undefined) this.#redial(place);
    }
    if (this.#isStopping && this.#leaving.size === 0) this.#whenEmpty();
  }

  #tickLater(): void {
    const { clock, settings } = this.#parts;
    this.#stopTicking = clock.schedule(settings["peer.ping.interval.ms"], () => {
      this.#tick();
      this.#tickLater();
    });
  }

  #tick(): void {
    const { settings } = this.#parts;
    const silenceMaxMs = settings["peer.silence.max.ms"];
    const ticks = Math.ceil(silenceMaxMs / settings["peer.ping.interval.ms"]);
    for (const { link, calls } of this.#places.values()) {
      if (link === undefined || !link.isOpen) continue;
      calls.pump(link);
      const isSilent = link.tick() >= Math.max(ticks, ticksMin);
      if (isSilent) link.giveUp(`nothing was heard of it for ${silenceMaxMs} ms`);
    }
  }

  #makeHost(base: Pick<ConnectionHost, "limits" | "crc32c" | "soon">): ConnectionHost {
    return {
      ...base,
      delivered: (link, messages, delivery) => this.#messages.tell(link, messages, delivery),
      called: (link, call) => this.#served.answer(link, call),
      answered: (link, answer) => this.#places.get(link.peer.id)?.calls.answered(answer, link),
      hasRoomFor: (link) => this.#places.get(link.peer.id)?.calls.pump(link),
      wantedByPeer: (link) => {
        const place = this.#places.get(link.peer.id);
        if (place?.link === link && !place.wantsLink && !link.isWantedByPeer) link.closeUnwanted();
      },
      closed: (link, reason) => this.#linkClosed(link, reason),
    };
  }
}
