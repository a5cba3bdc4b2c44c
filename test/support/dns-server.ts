import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

export interface Srv {
  readonly target: string;
  readonly port: number;
  readonly priority?: number;
  readonly weight?: number;
}

const typeA = 1;
const typeSrv = 33;
const headerBytes = 12;
const noSuchName = 3;
const serverFailed = 2;

/** A name server on loopback that knows SRV and A records (RFC 1035, 2782), over UDP. */
export class DnsServer {
  readonly #socket: Socket;
  readonly #srv = new Map<string, readonly Srv[]>();
  readonly #hosts = new Map<string, string>();
  #isFailing = false;
  /** SRV questions that came. */
  questionCount = 0;

  static async open(): Promise<DnsServer> {
    const server = new DnsServer();
    server.#socket.bind(0, "127.0.0.1");
    await once(server.#socket, "listening");
    return server;
  }

  private constructor() {
    this.#socket = createSocket("udp4", (question, { address, port }) => {
      this.#socket.send(this.#answer(question), port, address);
    });
  }

  /** As `Resolver.setServers` takes it. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  /** Empty: the name is not there. */
  setSrv(name: string, records: readonly Srv[]): void {
    this.#srv.set(name, records);
  }

  setHost(name: string, address: string): void {
    this.#hosts.set(name, address);
  }

  /** SERVFAIL to everything, or answers again. */
  fail(isFailing: boolean): void {
    this.#isFailing = isFailing;
  }

  close(): void {
    this.#socket.close();
  }

  #answer(question: Buffer): Buffer {
    const { name, end } = readName(question);
    const type = question.readUInt16BE(end);
    if (type === typeSrv) this.questionCount += 1;
    const datas = this.#isFailing ? [] : this.#datas(name, type);
    const isKnown = this.#hosts.has(name) || datas.length > 0;
    const code = this.#isFailing ? serverFailed : isKnown ? 0 : noSuchName;
    const header = Buffer.alloc(headerBytes);
    question.copy(header, 0, 0, 2);
    // An answer, with recursion asked for and available.
    header.writeUInt16BE(0x8180 | code, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(datas.length, 6);
    const records = datas.map((data) => {
      const fixed = Buffer.alloc(12);
      // The name of the question, which begins behind the header; class IN, seconds to live 0.
      fixed.writeUInt16BE(0xc000 | headerBytes, 0);
      fixed.writeUInt16BE(type, 2);
      fixed.writeUInt16BE(1, 4);
      fixed.writeUInt16BE(data.length, 10);
      return Buffer.concat([fixed, data]);
    });
    return Buffer.concat([header, question.subarray(headerBytes, end + 4), ...records]);
  }

  #datas(name: string, type: number): Buffer[] {
    if (type === typeSrv) return (this.#srv.get(name) ?? []).map(srvData);
    const host = type === typeA ? this.#hosts.get(name) : undefined;
    return host === undefined ? [] : [Buffer.from(host.split(".").map(Number))];
  }
}

function srvData({ target, port, priority = 0, weight = 0 }: Srv): Buffer {
  const numbers = Buffer.alloc(6);
  [priority, weight, port].forEach((value, at) => numbers.writeUInt16BE(value, at * 2));
  const labels = target.split(".").filter((label) => label !== "");
  const parts = labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  return Buffer.concat([numbers, ...parts, Buffer.from([0])]);
}

/** Of the question; `end` is behind it. */
function readName(message: Buffer): { name: string; end: number } {
  const labels = [];
  let at = headerBytes;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), end: at + 1 };
}
