import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Child, run } from "../support/child-process.ts";
import { kafkaAt } from "../support/kafka-at.ts";
import { repositoryRoot } from "../support/repository.ts";
import { describeWith } from "../support/skips.ts";
import { waitUntil } from "../support/wait-until.ts";
import { startNode } from "../support/xylem-command.ts";

const topic = "tried";

interface ShownNode {
  readonly id: number;
  readonly bootstrap: string;
  readonly pid: number;
  readonly folder: string;
}

/** What the table of nodes says. */
function readNodes(output: string): ShownNode[] {
  const line = /^node (\d+) +kafka (\S+) .*pid (\d+) +(\S+)$/gm;
  return [...output.matchAll(line)].map(([, id, bootstrap = "", pid, folder = ""]) => {
    return { id: Number(id), bootstrap, pid: Number(pid), folder };
  });
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const script = `${repositoryRoot}/scripts/run-cluster.ts`;

test.each([
  ["--nodes=abc", '--nodes takes a number from 1 to 99, not "abc"'],
  ["--nodes=0", '--nodes takes a number from 1 to 99, not "0"'],
  ["--bogus", "Unknown option '--bogus'; there is: --nodes <count>"],
  ["5", "Unexpected argument '5'; there is: --nodes <count>"],
  ["--nodes", "Option '--nodes <value>' argument missing; there is: --nodes <count>"],
])("`npm run cluster -- %s` starts nothing and says why", async (option, why) => {
  const { code, stdout, stderr } = await run(process.execPath, [script, option]);
  expect([code, stdout, stderr]).toEqual([2, "", `xylem: ${why}\n`]);
});

test("`npm run cluster` says in one line that there is no etcd", async () => {
  const options = { env: { PATH: "/none" } };
  const { code, stdout, stderr } = await run(process.execPath, [script], options);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/^xylem: there is no etcd on the PATH; install it first .+\n$/);
});

/** The topic as a node tells of it. */
async function described(bootstrap: string) {
  const answer = await fetch(`http://${bootstrap}/v1/topics/${topic}`);
  return (await answer.json()) as { partitions: { chain: number[] }[] };
}

describeWith(["etcd"], "`npm run cluster`", () => {
  let cluster: Child;
  let nodes: ShownNode[];

  beforeAll(async () => {
    cluster = new Child(process.execPath, [script]);
    await cluster.waitForOutput(/Ctrl-C ends all of them/, 60_000);
    nodes = readNodes(cluster.stdout);
  });

  afterAll(() => cluster.end("SIGKILL"));

  test("shows three nodes, of which the head of a new topic may be killed", async () => {
    expect(nodes.map(({ id }) => id)).toEqual([1, 2, 3]);
    const kafka = kafkaAt(...nodes.map(({ bootstrap }) => bootstrap));
    const [producer, admin] = [kafka.producer(), kafka.admin()];
    await Promise.all([producer.connect(), admin.connect()]);
    const send = (value: string) => producer.send({ topic, messages: [{ value }] });
    await send("before");
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const [partition] = topics[0]?.partitions ?? [];
    expect(partition?.replicas).toHaveLength(3);
    process.kill(nodes.find(({ id }) => id === partition?.leader)?.pid ?? 0, "SIGKILL");
    await send("after");
    const consumer = kafka.consumer({ groupId: "who-tries" });
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    const read: string[] = [];
    await consumer.run({
      eachMessage: ({ message }) => Promise.resolve(void read.push(String(message.value))),
    });
    await waitUntil("both are read", () => read.length >= 2);
    await Promise.all([consumer.disconnect(), producer.disconnect(), admin.disconnect()]);
    expect(read).toEqual(["before", "after"]);
  });

  test("prints what starts a killed node again", async () => {
    const again = nodes.find(({ pid }) => !isRunning(pid));
    const starts = [...cluster.stdout.matchAll(/^npm start -- --config (\S+)$/gm)];
    expect(starts).toHaveLength(3);
    const config = starts[(again?.id ?? 0) - 1]?.[1] ?? "";
    const { child, bootstrap } = await startNode(["--config", config]);
    expect(bootstrap).toBe(again?.bootstrap);
    await waitUntil("it is in the chain again", async () => {
      const { partitions } = await described(bootstrap);
      return partitions[0]?.chain.length === 3;
    });
    expect(await child.end("SIGTERM")).toBe(0);
  });

  test("ends all its processes and leaves no folder when it is interrupted", async () => {
    expect(await cluster.end("SIGINT")).toBe(0);
    expect(nodes.filter(({ pid }) => isRunning(pid))).toEqual([]);
    expect(nodes.filter(({ folder }) => existsSync(folder))).toEqual([]);
  });
});
