import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { markPlaces, mergeAnswers, narrow, type Place, placesOf } from "./request-places.ts";

const byId = (id: unknown): string | undefined => (id === "id-a" ? "a" : undefined);
const shown = ({ topic, partition }: Place): string =>
  partition === undefined ? topic : `${topic}-${partition}`;
const sorted = (body: unknown): string[] => placesOf(body, byId).map(shown).toSorted();

describe("what a request is about", () => {
  test.each([
    ["Produce", { topicData: [{ name: "a", partitionData: [{ index: 1 }] }] }, ["a-1"]],
    ["Produce by id", { topicData: [{ topicId: "id-a", partitionData: [{ index: 0 }] }] }, ["a-0"]],
    ["Fetch", { topics: [{ topic: "a", partitions: [{ partition: 3 }] }] }, ["a-3"]],
    ["ListOffsets", { topics: [{ name: "a", partitions: [{ partitionIndex: 2 }] }] }, ["a-2"]],
    ["OffsetFetch", { topics: [{ name: "a", partitionIndexes: [0, 1] }] }, ["a-0", "a-1"]],
    ["Metadata", { topics: [{ name: "a" }, { name: "b" }] }, ["a", "b"]],
    ["Metadata of all", { topics: null }, []],
    ["Heartbeat", { groupId: "g" }, []],
  ])("of %s is its topics and partitions", (_api, body, places) => {
    expect(sorted(body)).toEqual(places);
  });
});

const topics = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom("a", "b", "c"),
    partitionData: fc.uniqueArray(fc.record({ index: fc.nat(5) }), {
      selector: ({ index }) => index,
      minLength: 1,
    }),
  }),
  { selector: ({ name }) => name },
);

test("the parts that a request is cut into are together what it was", () => {
  fc.assert(
    fc.property(topics, fc.func(fc.boolean()), (topicData, choose) => {
      const isStruck = (place: Place): boolean => choose(shown(place));
      const body = { acks: -1, topicData };
      const [struck, rest] = [isStruck, (place: Place) => !isStruck(place)].map((isWanted) =>
        narrow(body, byId, isWanted),
      );
      expect(placesOf(struck, byId).every(isStruck)).toBe(true);
      expect(placesOf(rest, byId).some(isStruck)).toBe(false);
      expect(sorted(mergeAnswers(rest, struck))).toEqual(sorted(body));
    }),
  );
});

test("a marked part of an answer carries its error and no records", () => {
  const partitions = [0, 1].map((partitionIndex) => ({ partitionIndex, records: ["x"] }));
  const answer = { responses: [{ topic: "a", partitions }] };
  const marked = markPlaces(answer, byId, 6, ({ partition }) => partition === 1);
  expect(marked).toMatchObject({
    responses: [
      {
        topic: "a",
        partitions: [
          { partitionIndex: 0, records: ["x"] },
          { partitionIndex: 1, records: null, errorCode: 6 },
        ],
      },
    ],
  });
});
