import { beforeEach, expect, test } from "vitest";
import { KeptLog } from "../../../../test/support/kept-log.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { RoomNews } from "./room-news.ts";

let clock: VirtualClock;
let told: unknown[];
let news: RoomNews;
let fill: () => void;
let health: { isFull: boolean; onFull(listener: () => void): void };
let announce: () => Promise<void>;

beforeEach(() => {
  clock = new VirtualClock({ settle: () => new Promise((done) => setImmediate(done)) });
  told = [];
  announce = () => Promise.resolve();
  health = {
    isFull: false,
    onFull: (listener) => {
      fill = () => {
        health.isFull = true;
        listener();
      };
    },
  };
  const membership = {
    announce: async (change: unknown) => {
      await announce();
      told.push(change);
    },
  };
  news = new RoomNews({ health, membership, clock, log: new KeptLog() });
});

test("a full disk is told once it lasts, and room again", async () => {
  fill();
  await clock.advance(1_999);
  expect(told).toEqual([]);
  await clock.advance(20_000);
  expect(told).toEqual([{ isFull: true }]);
  health.isFull = false;
  await clock.advance(20_000);
  expect(told).toEqual([{ isFull: true }, { isFull: false }]);
  fill();
  await clock.advance(20_000);
  expect(told.length).toBe(3);
});

test("what is over at once is not told", async () => {
  fill();
  await clock.advance(1_000);
  health.isFull = false;
  await clock.advance(20_000);
  expect(told).toEqual([]);
});

test("it is told again and again while the coordinator does not take it", async () => {
  announce = () => Promise.reject(new Error("no answer"));
  fill();
  await clock.advance(20_000);
  announce = () => Promise.resolve();
  await clock.advance(2_000);
  expect(told).toEqual([{ isFull: true }]);
});

test("what may have been heard is taken back when there is room again", async () => {
  announce = () => Promise.reject(new Error("no answer"));
  fill();
  await clock.advance(2_000);
  health.isFull = false;
  await clock.advance(2_000);
  announce = () => Promise.resolve();
  await clock.advance(20_000);
  expect(told).toEqual([{ isFull: false }]);
});

test("nothing is told after its close, and no timer is left", async () => {
  const answer = Promise.withResolvers<void>();
  announce = () => answer.promise;
  fill();
  await clock.advance(2_000);
  news.close();
  answer.reject(new Error("closed"));
  announce = () => Promise.resolve();
  await clock.advance(20_000);
  expect(told).toEqual([]);
});
