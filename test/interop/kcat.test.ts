import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBroker, type BrokerProcess } from "../support/broker-process.ts";
import { codecs, kcat } from "../support/kcat.ts";
import { isLongRun } from "../support/repository.ts";
import { describeWith } from "../support/skips.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";

const recordsMax = 1_000_000;
const records = isLongRun ? recordsMax : recordsMax / 100;

describeWith(["kcat"], "kcat", () => {
  let broker: BrokerProcess;
  let folder: string;

  beforeAll(async () => {
    broker = await startBroker();
    folder = makeTemporaryFolder("kcat");
  });

  afterAll(async () => {
    await broker.stop();
    removeFolder(folder);
  });

  for (const sizeBytes of [100, 1024]) {
    for (const codec of codecs) {
      const name = `${records} records of ${sizeBytes} B sent with ${codec} are read back equal`;
      test(name, { timeout: 900_000 }, async () => {
        const topic = `kcat-${sizeBytes}-${codec}`;
        const sent = join(folder, `${topic}.sent`);
        const received = join(folder, `${topic}.received`);
        await writeLines(sent, { lines: records, sizeBytes });
        const produce = ["-P", "-t", topic, "-z", codec, "-X", "linger.ms=20", "-l", sent];
        await kcat(broker.bootstrap, produce);
        const consume = ["-C", "-t", topic, "-e", "-q", "-o", "0"];
        await kcat(broker.bootstrap, consume, { outputPath: received });
        expect(await digest(received)).toBe(await digest(sent));
      });
    }
  }

  test("metadata names one broker and the topics with their partitions", async () => {
    await kcat(broker.bootstrap, ["-P", "-t", "kcat-listed"], { input: "one\n" });
    const { stdout } = await kcat(broker.bootstrap, ["-L", "-J"]);
    const metadata = JSON.parse(stdout) as KcatMetadata;
    expect(metadata.brokers.map((each) => each.name)).toEqual([broker.bootstrap]);
    const listed = metadata.topics.find((each) => each.topic === "kcat-listed");
    expect(listed?.partitions.map((each) => each.partition)).toEqual([0]);
  });

  test("offsets are found by time, and reading starts where it is told to", async () => {
    const topic = "kcat-offsets";
    await kcat(broker.bootstrap, ["-P", "-t", topic], { input: "a\nb\nc\nd\ne\n" });
    const format = ["-C", "-t", topic, "-e", "-q", "-f", "%o=%s;"];
    const from2 = await kcat(broker.bootstrap, [...format, "-o", "2"]);
    expect(from2.stdout).toBe("2=c;3=d;4=e;");
    const last2 = await kcat(broker.bootstrap, [...format, "-o", "-2"]);
    expect(last2.stdout).toBe("3=d;4=e;");
    const byTime = await kcat(broker.bootstrap, ["-Q", "-t", `${topic}:0:1`]);
    expect(byTime.stdout).toMatch(/offset 0/);
  });

  test("keys, headers and null values come back as they were sent", async () => {
    const topic = "kcat-fields";
    const fields = ["-H", "trace=abc", "-H", "empty=", "-K", ":", "-Z"];
    await kcat(broker.bootstrap, ["-P", "-t", topic, ...fields], { input: "k1:v1\nk2:\n" });
    const read = await kcat(broker.bootstrap, ["-C", "-t", topic, "-e", "-q", "-J"]);
    const [first, second] = read.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(first).toMatchObject({ key: "k1", payload: "v1", offset: 0 });
    expect(first.headers).toEqual(["trace", "abc", "empty", ""]);
    expect(second).toMatchObject({ key: "k2", payload: null, offset: 1 });
  });

  test("an idempotent producer's records arrive once and in order", async () => {
    const topic = "kcat-idempotent";
    const lines = Array.from({ length: 2000 }, (_, index) => `line ${index}`);
    const idempotent = ["-X", "enable.idempotence=true", "-X", "batch.num.messages=50"];
    await kcat(broker.bootstrap, ["-P", "-t", topic, ...idempotent], {
      input: `${lines.join("\n")}\n`,
    });
    const read = await kcat(broker.bootstrap, ["-C", "-t", topic, "-e", "-q"]);
    expect(read.stdout.trim().split("\n")).toEqual(lines);
  });

  test("a group's second reader goes on where the first stopped", async () => {
    const topic = "kcat-group";
    await kcat(broker.bootstrap, ["-P", "-t", topic], { input: "1\n2\n3\n4\n" });
    const member = ["-q", "-X", "auto.offset.reset=earliest", "-G", "kcat-readers"];
    const first = await kcat(broker.bootstrap, ["-c", "2", ...member, topic]);
    expect(first.stdout).toBe("1\n2\n");
    const second = await kcat(broker.bootstrap, ["-c", "2", ...member, topic]);
    expect(second.stdout).toBe("3\n4\n");
  });
});

interface KcatMetadata {
  readonly brokers: readonly { readonly name: string }[];
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number }[];
  }[];
}

async function writeLines(
  path: string,
  { lines, sizeBytes }: { readonly lines: number; readonly sizeBytes: number },
): Promise<void> {
  const file = createWriteStream(path);
  for (let from = 0; from < lines; from += 1000) {
    let text = "";
    for (let line = from; line < Math.min(lines, from + 1000); line += 1) {
      text += `${lineOf(line, sizeBytes)}\n`;
    }
    if (!file.write(text)) await once(file, "drain");
  }
  file.end();
  await once(file, "close");
}

/** Half repeats, half does not, so that codecs have something to do. */
function lineOf(line: number, sizeBytes: number): string {
  const noise = createHash("sha256").update(String(line)).digest("hex");
  return `${line}:${noise}`.padEnd(sizeBytes, "xylem ").slice(0, sizeBytes);
}

async function digest(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}
