import { expect, test } from "vitest";
import { MemberPool } from "./member-pool.ts";

const member = (incarnation: string, lineage = "l") => ({ id: 1, incarnation, lineage });

test("equal members are one object, others are not", () => {
  const pool = new MemberPool();
  const first = pool.share(member("a"));
  expect(pool.share(member("a"))).toBe(first);
  const other = member("a", "another");
  expect(pool.share(other)).toBe(other);
});

test("lives that ended are forgotten at the bound", () => {
  const pool = new MemberPool(2);
  const first = pool.share(member("a"));
  for (const incarnation of ["b", "c"]) pool.share(member(incarnation));
  expect(pool.share(member("a"))).not.toBe(first);
});
