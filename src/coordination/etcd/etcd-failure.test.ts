import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { XylemError } from "../../base/errors.ts";
import { isCompacted, isLeaseUnknown, isPassing, toCoordinatorError } from "./etcd-failure.ts";

const compacted = "etcdserver: mvcc: required revision has been compacted";
const leaseGone = "etcdserver: requested lease not found";

test.each([
  [Code.Unavailable, "etcdserver: leader changed", true, "REQUEST_TIMED_OUT"],
  [Code.DeadlineExceeded, "the operation timed out", true, "REQUEST_TIMED_OUT"],
  [Code.ResourceExhausted, "etcdserver: too many requests", true, "REQUEST_TIMED_OUT"],
  [Code.ResourceExhausted, "etcdserver: mvcc: database space exceeded", false, "DISK_FULL"],
  [Code.PermissionDenied, "etcdserver: permission denied", false, "CLUSTER_AUTHORIZATION_FAILED"],
  [Code.NotFound, leaseGone, false, "STALE_BROKER_EPOCH"],
  [Code.InvalidArgument, "etcdserver: duplicate key", false, "UNKNOWN_SERVER_ERROR"],
] as const)("code %s, %s: it may pass: %s; it is %s", (code, text, passes, answer) => {
  const error = new ConnectError(text, code);
  expect(isPassing(error)).toBe(passes);
  expect(toCoordinatorError(error, "A change")).toMatchObject({ code: answer });
});

test("a socket that broke may be whole again", () => {
  expect(isPassing(new Error("read ECONNRESET"))).toBe(true);
});

test("what etcd said is known again behind the broker's own error", () => {
  const error = new ConnectError(compacted, Code.OutOfRange);
  expect(isCompacted(error)).toBe(true);
  expect(isCompacted(toCoordinatorError(error, "A read"))).toBe(true);
  expect(isCompacted(new XylemError("REQUEST_TIMED_OUT", compacted))).toBe(false);
  expect(isLeaseUnknown(new ConnectError(leaseGone, Code.NotFound))).toBe(true);
  expect(isLeaseUnknown(error)).toBe(false);
});
