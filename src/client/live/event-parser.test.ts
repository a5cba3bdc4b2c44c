import fc from "fast-check";
import { expect, test } from "vitest";
import { EventParser, type StreamEvent } from "./event-parser.ts";

const stream =
  'retry: 1000\nid: c1.a\n\n:\n\nid: c1.b\ndata: {"value":"x: y"}\n\n' +
  "id: c1.c\nevent: ended\ndata: {}\n\n:\n\n";

const events: StreamEvent[] = [
  { id: "c1.a", name: "message", data: undefined },
  { id: "c1.b", name: "message", data: '{"value":"x: y"}' },
  { id: "c1.c", name: "ended", data: "{}" },
];

test("a stream that is cut anywhere has the same events", () => {
  const cuts = fc.array(fc.nat(stream.length), { maxLength: 12 });
  fc.assert(
    fc.property(cuts, (places) => {
      const parser = new EventParser();
      const sorted = [0, ...places.toSorted((a, b) => a - b), stream.length];
      const seen = sorted.flatMap((end, at) => parser.push(stream.slice(sorted[at - 1] ?? 0, end)));
      expect(seen).toEqual(events);
    }),
  );
});
