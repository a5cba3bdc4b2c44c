import { expect, test } from "vitest";
import { MalformedError } from "../base/errors.ts";
import { LinkWindow } from "./link-window.ts";

const own = { windowBytes: 100, frameBytesMax: 50 };
const peer = { windowBytes: 1_000, frameBytesMax: 500 };

test("room is what the other side has said it takes, less what it has not taken", () => {
  const window = new LinkWindow(own, peer);
  expect(window.hasRoom(0)).toBe(true);
  window.send(900);
  expect([window.hasRoom(99), window.hasRoom(100), window.inFlightBytes]).toEqual([
    true,
    false,
    900,
  ]);
  window.peerHasTaken(400);
  expect([window.hasRoom(499), window.hasRoom(500), window.inFlightBytes]).toEqual([
    true,
    false,
    500,
  ]);
});

test("more taken than sent, or less than before, is no truth", () => {
  const window = new LinkWindow(own, peer);
  window.send(10);
  window.peerHasTaken(5);
  expect(() => window.peerHasTaken(4)).toThrow(MalformedError);
  expect(() => window.peerHasTaken(11)).toThrow(MalformedError);
  window.peerHasTaken(10);
});

test("a sender that needs no room may send two windows and a frame, no more", () => {
  const window = new LinkWindow(own, peer);
  window.receive(250);
  expect(() => window.receive(1)).toThrow(MalformedError);
  window.send(2_500);
  expect(window.isOverrun).toBe(false);
  window.send(1);
  expect(window.isOverrun).toBe(true);
});

test("what was taken is urgent news once it is a quarter of the window", () => {
  const window = new LinkWindow(own, peer);
  window.receive(100);
  window.take(24);
  expect([window.hasNews, window.hasUrgentNews]).toEqual([true, false]);
  window.take(1);
  expect(window.hasUrgentNews).toBe(true);
  expect(window.tell()).toBe(25);
  expect([window.hasNews, window.hasUrgentNews]).toEqual([false, false]);
});
