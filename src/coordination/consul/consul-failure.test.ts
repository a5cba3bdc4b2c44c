import { expect, test } from "vitest";
import { ConsulRefusal, isPassing, toCoordinatorError } from "./consul-failure.ts";

test.each([
  [new ConsulRefusal(500, "No cluster leader"), "REQUEST_TIMED_OUT"],
  [
    new ConsulRefusal(429, "Your IP is issuing too many concurrent connections"),
    "REQUEST_TIMED_OUT",
  ],
  [new TypeError("fetch failed"), "REQUEST_TIMED_OUT"],
  [new ConsulRefusal(403, "Permission denied"), "CLUSTER_AUTHORIZATION_FAILED"],
  [new ConsulRefusal(413, "Request body is too large"), "MESSAGE_TOO_LARGE"],
  [new ConsulRefusal(400, "Bad request"), "UNKNOWN_SERVER_ERROR"],
])("%s is %s to the broker", (error, code) => {
  expect(toCoordinatorError(error, "A change")).toMatchObject({ code });
  expect(isPassing(error)).toBe(code === "REQUEST_TIMED_OUT");
});
