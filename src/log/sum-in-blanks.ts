import { portableCrc32c } from "../base/crc32c.ts";
import { encodeUtf8 } from "../base/text.ts";

const sumBits = 32;

/**
 * The sum of a text as blanks, a space for each 0 and a tab for each 1, highest bit first. Kafka
 * splits the lines of its checkpoints at white space and drops what is empty at their end: a sum
 * there is none of its business.
 */
export function sumInBlanks(text: string): string {
  const sum = portableCrc32c(encodeUtf8(text));
  let blanks = "";
  for (let bit = sumBits - 1; bit >= 0; bit -= 1) blanks += ((sum >>> bit) & 1) === 1 ? "\t" : " ";
  return blanks;
}

/** Whether a line ends with blanks: nobody but us writes such. */
export function hasBlanksAtLineEnd(text: string): boolean {
  return /[^\S\n](\n|$)/.test(text);
}
