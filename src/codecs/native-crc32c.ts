import { createRequire } from "node:module";
import { type Crc32c, portableCrc32c } from "../base/crc32c.ts";

/** Below this the call into native code costs more than it saves. */
const nativeBytesMin = 256;

let native: Crc32c | undefined;

/** CRC-32C by native code where it loads, else and for short runs by the portable form. */
export const crc32c: Crc32c = (bytes, crc = 0) => {
  if (bytes.length < nativeBytesMin) return portableCrc32c(bytes, crc);
  native ??= loadNative();
  return native(bytes, crc);
};

/** The package ships binaries for the common platforms; on any other, requiring it throws. */
function loadNative(): Crc32c {
  try {
    const require = createRequire(import.meta.url);
    const library = require("@node-rs/crc32") as typeof import("@node-rs/crc32");
    return (bytes, crc) => library.crc32c(bytes, crc);
  } catch {
    return portableCrc32c;
  }
}
