import { scrubNode } from "../scrub-node.ts";
import { command } from "./command.ts";
import { optional, text } from "./input.ts";

/** Checks every batch of a topic, or of all, while they are in use. */
export const verifyCommand = command({ topic: optional(text) }, ({ topic }, context) =>
  scrubNode(context.broker, topic, context),
);
