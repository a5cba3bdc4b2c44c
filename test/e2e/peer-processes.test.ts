import { afterEach, beforeEach, expect, test } from "vitest";
import type { PeerLink } from "../../src/broker/ports/peer-links.ts";
import type { PeerMesh } from "../../src/peers/peer-mesh.ts";
import { Child } from "../support/child-process.ts";
import { openPeerEnd, peerEndProgram, receiverId } from "../support/peer-end.ts";
import { waitUntil } from "../support/wait-until.ts";

let other: Child;
let links: PeerMesh;
const opened: PeerLink[] = [];
const closed: PeerLink[] = [];

beforeEach(async () => {
  other = new Child(process.execPath, [peerEndProgram]);
  const [place] = await other.waitForOutput(/127\.0\.0\.1:\d+/, 30_000);
  const [host = "", port] = place.split(":");
  links = openPeerEnd(1, { host, port: Number(port), incarnation: `end-${receiverId}` });
  links.onOpened((link) => opened.push(link));
  links.onClosed((link) => closed.push(link));
  links.want(receiverId);
  await waitUntil("it is linked", () => opened.length === 1);
});

afterEach(async () => {
  await links.close();
  await other.end("SIGKILL");
  opened.length = 0;
  closed.length = 0;
});

test("a process that stands still is given up, and linked again when it goes on", async () => {
  process.kill(other.pid, "SIGSTOP");
  const stoppedMs = performance.now();
  await waitUntil("its silence is noticed", () => closed.length === 1);
  expect(performance.now() - stoppedMs).toBeGreaterThan(2_000);
  process.kill(other.pid, "SIGCONT");
  await waitUntil("it is linked again", () => links.find(receiverId) !== undefined);
  const answer = await links.call(receiverId, "echo", Uint8Array.of(5), 30_000);
  expect([...answer]).toEqual([5]);
});

test("a process that is killed is noticed at once, long before its silence is", async () => {
  const waiting = links.call(receiverId, "echo", new Uint8Array(0), 30_000);
  await waiting;
  const killedMs = performance.now();
  process.kill(other.pid, "SIGKILL");
  await waitUntil("it is noticed", () => closed.length === 1);
  expect(performance.now() - killedMs).toBeLessThan(2_500);
  expect(links.find(receiverId)).toBeUndefined();
});
