import { once } from "node:events";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { beforeEach, expect, test } from "vitest";
import { defaultNodeSettings } from "../../base/settings/node-settings.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { AnswerBudget } from "./answer-budget.ts";

const respond = () => new ServerResponse(new IncomingMessage(new Socket()));

let clock: VirtualClock;
let answers: AnswerBudget;

beforeEach(() => {
  clock = new VirtualClock();
  const settings = {
    ...defaultNodeSettings,
    "http.answers.memory.max.bytes": 100,
    "live.slow.reader.ms": 1_000,
  };
  answers = new AnswerBudget({ clock, settings });
});

test("answers that wait for their clients are bounded together, until taken", async () => {
  const [first, second, third] = [respond(), respond(), respond()];
  answers.share(first).become(60);
  answers.share(second).become(40);
  expect(() => answers.share(third).become(1)).toThrow(expect.objectContaining({ status: 503 }));
  const closed = once(first, "close");
  first.destroy();
  await closed;
  expect(answers.bytes).toBe(40);
  answers.share(third).become(60);
  expect(() => answers.share(respond()).take(1)).toThrow("max-bytes");
});

test("what an answer takes before it is read it gives back as far as it came to less", () => {
  const share = answers.share(respond());
  share.take(30);
  expect(share.takeUpTo(100, 10)).toBe(70);
  expect(() => share.takeUpTo(100, 10)).toThrow("max-bytes");
  share.giveBack(70);
  share.become(5);
  expect(answers.bytes).toBe(5);
  share.end();
  share.giveBack(5);
  share.take(50);
  expect(answers.bytes).toBe(0);
});

test("a client that has gone already holds nothing", () => {
  const gone = respond();
  gone.destroy();
  answers.share(gone).become(60);
  expect(answers.bytes).toBe(0);
});

test("a client that does not take its answer in time is cut off", async () => {
  const [slow, quick] = [respond(), respond()];
  for (const response of [slow, quick]) {
    const share = answers.share(response);
    share.become(10);
    share.sent(response);
  }
  const closed = once(quick, "close");
  quick.destroy();
  await closed;
  expect(clock.scheduledCount).toBe(1);
  await clock.advance(900);
  expect(slow.destroyed).toBe(false);
  await clock.advance(200);
  expect(slow.destroyed).toBe(true);
});
