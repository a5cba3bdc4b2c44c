import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import { type DoorName, doorNames, type DoorRecord, EveryDoor } from "../support/every-door.ts";

let xylem: Xylem;
let topicCount = 0;

beforeAll(async () => {
  xylem = await Xylem.start();
});
afterAll(() => xylem.close());

const encode = (text: string) => new TextEncoder().encode(text);
const chars = ["a", "é", "\u{1F332}", "\n", '"', "\\", " ", "1", ":", "\u0000"];
const letters = fc.string({ unit: fc.constantFrom(...chars), maxLength: 12 });
const json = fc.oneof(
  fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), fc.oneof(letters, fc.integer(), fc.boolean())),
  fc.array(fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }))),
);

/** Text, JSON, bytes that are neither, nothing at all, and a byte order mark. */
const content = fc.option(
  fc.oneof(
    letters.map(encode),
    json.map((value) => encode(JSON.stringify(value))),
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom(encode("\uFEFFmarked"), Uint8Array.of(0xff, 0xfe), encode("{broken")),
  ),
);
const headers = fc
  .dictionary(fc.stringMatching(/^[a-z-]{1,6}$/), content, { maxKeys: 3 })
  .map((named) => Object.entries(named).map(([key, value]) => ({ key, value })));
const record: fc.Arbitrary<DoorRecord> = fc.record({ key: content, value: content, headers });

interface Step {
  readonly door: DoorName;
  readonly partition: number;
  readonly records: readonly DoorRecord[];
}

const step: fc.Arbitrary<Step> = fc.record({
  door: fc.constantFrom(...doorNames),
  partition: fc.nat(1),
  records: fc.array(record, { minLength: 1, maxLength: 4 }),
});
/** Waves of appends, all of a wave under way at once. */
const waves = fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), {
  minLength: 1,
  maxLength: 6,
});

test("however appends through all doors interleave, all doors read the same sequence", async () => {
  const used = new Set<DoorName>();
  const check = async (given: readonly (readonly Step[])[]) => {
    const topic = `every.${topicCount++}`;
    await xylem.topic(topic, { partitions: 2 });
    const doors = await EveryDoor.open(xylem, topic);
    try {
      for (const wave of given) {
        await Promise.all(
          wave.map(({ door, partition, records }) => {
            used.add(door);
            return doors.append(door, partition, records);
          }),
        );
      }
      for (const partition of [0, 1]) {
        const sent = given.flat().filter((one) => one.partition === partition);
        const { kafka = [], ...others } = await doors.read(partition);
        expect(kafka).toHaveLength(sent.flatMap(({ records }) => records).length);
        for (const [way, lines] of Object.entries(others)) expect(lines, way).toEqual(kafka);
      }
    } finally {
      doors.close();
    }
  };
  await fc.assert(fc.asyncProperty(waves, check), { numRuns: 25 });
  expect([...used].toSorted()).toEqual([...doorNames].toSorted());
});
