const listStart = '"records":[';

/** The texts of the records of a message, each as it came: their JSON is not written anew. */
export function splitRecords(message: string): string[] {
  const records: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = message.indexOf(listStart) + listStart.length; at < message.length; at += 1) {
    const character = message[at];
    if (character === '"') at = endOfString(message, at);
    else if (character === "{" || character === "[") {
      if (depth === 0) start = at;
      depth += 1;
    } else if (character === "}" || character === "]") {
      depth -= 1;
      if (depth < 0) break;
      if (depth === 0) records.push(message.slice(start, at + 1));
    }
  }
  return records;
}

/** Where the string that begins at `from` ends. */
function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}
