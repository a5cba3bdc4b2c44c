import { expect, test } from "vitest";
import { tellProtocol } from "./first-bytes.ts";

const tell = (text: string): string => tellProtocol(Buffer.from(text, "latin1"));

test.each([
  ["\0", "kafka"],
  ["\x01", "peer"],
  ["\x16", "tls"],
  ["GET", "http"],
  ["post", "http"],
  ["PUT ", "http"],
  ["PATCH", "http"],
  ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http2"],
  ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore", "http2"],
  ["PRI * HTTP/2.0\r\n\r\n", "more"],
  ["PRI * HTTP/1.1\r\n", "unknown"],
  ["PRINT", "http"],
  ["PRI", "more"],
  ["P", "more"],
  ["", "more"],
  ["\xff", "unknown"],
  ["7", "unknown"],
])("%j speaks %s", (head, protocol) => expect(tell(head)).toBe(protocol));
