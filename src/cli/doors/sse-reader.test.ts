import fc from "fast-check";
import { expect, test } from "vitest";
import { parseShown } from "./parse-shown.ts";
import { parseEvents } from "./sse-reader.ts";

const stream =
  'retry: 1000\nid: c0\n\n:\n\nid: c1\ndata: {"a":"ß"}\n\n' +
  "id: c2\nevent: moved\ndata: {}\n\nid: c3\n";

test("events are the same however their bytes arrive; one that is cut short is none", async () => {
  const bytes = Buffer.from(stream);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length)), async (places) => {
      const ends = [...places, bytes.length].toSorted((one, other) => one - other);
      const chunks = ends.map((end, index) =>
        bytes.subarray(index === 0 ? 0 : ends[index - 1], end),
      );
      const seen = [];
      for await (const event of parseEvents(each(chunks))) seen.push(event);
      expect(seen).toEqual([
        { name: "message", data: "", id: "c0" },
        { name: "message", data: "", id: "c0" },
        { name: "message", data: '{"a":"ß"}', id: "c1" },
        { name: "moved", data: "{}", id: "c2" },
      ]);
    }),
  );
});

async function* each(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

const head = '{"topic":"t","partition":0,"offset":7,"timestamp":-1,"key":null,"keyEncoding":"text"';

test.each([
  [
    "JSON as it was stored",
    `"json","value":{"n": 1.0,"big":12345678901234567890}}`,
    '{"n": 1.0,"big":12345678901234567890}',
  ],
  ["text", '"text","value":"größe"}', "größe"],
  ["bytes", '"base64","value":"/wA="}', "\u00ff\u0000"],
])("a value that is %s keeps its bytes", (what, rest, expected) => {
  const { value } = parseShown(`${head},"headers":{},"encoding":${rest}`);
  const text = Buffer.from(value ?? []).toString(what === "bytes" ? "latin1" : "utf8");
  expect(text).toBe(expected);
});

test("a tombstone, a header without a value and one that comes twice", () => {
  const headers = '{"none":null,"two":["a",{"base64":"/w=="}],"encoding":"json","value":"x"}';
  const { value, headers: read } = parseShown(
    `${head},"headers":${headers},"encoding":"text","value":null}`,
  );
  expect(value).toBeNull();
  expect(
    read.map(([name, content]) => [name, content && Buffer.from(content).toString("latin1")]),
  ).toEqual([
    ["none", null],
    ["two", "a"],
    ["two", "\u00ff"],
    ["encoding", "json"],
    ["value", "x"],
  ]);
});
