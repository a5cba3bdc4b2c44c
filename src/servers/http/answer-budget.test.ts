import { once } from "node:events";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { expect, test } from "vitest";
import { AnswerBudget } from "./answer-budget.ts";

const respond = () => new ServerResponse(new IncomingMessage(new Socket()));

test("answers that wait for their clients are bounded together, until taken", async () => {
  const answers = new AnswerBudget(() => 100);
  const [first, second, third] = [respond(), respond(), respond()];
  answers.hold(first, 60);
  answers.hold(second, 40);
  expect(() => answers.hold(third, 1)).toThrow(expect.objectContaining({ status: 503 }));
  const closed = once(first, "close");
  first.destroy();
  await closed;
  expect(answers.bytes).toBe(40);
  answers.hold(third, 60);
  expect(() => answers.hold(respond(), 1)).toThrow("max-bytes");
});

test("a client that has gone already holds nothing", () => {
  const answers = new AnswerBudget(() => 100);
  const gone = respond();
  gone.destroy();
  answers.hold(gone, 60);
  expect(answers.bytes).toBe(0);
});
