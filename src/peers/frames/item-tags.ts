/**
 * What is in a frame between nodes, versions 1 and 2. Numbers marked n are unsigned, seven bits a
 * byte, lowest first, below 2^53; texts are their size in bytes (n) and UTF-8.
 *
 * | bytes | what |
 * |---|---|
 * | 4 | size of all that follows, int32 |
 * | 4 | CRC-32C of all that follows this field |
 * | 1 | flags: 1 = the frame's bytes count against the window of who receives it |
 * | n | how many counted bytes the sender of this frame has taken, since the link was opened |
 * | … | items, up to the end: a tag, then its fields; none: a sign of life |
 *
 * | tag | item | fields |
 * |---|---|---|
 * | 0x01 | wanted | 1 byte: whether the sender wants the link to stay |
 * | 0x10 | Hello | in session, log start n, end n, count n, then epoch n and end offset n each |
 * | 0x11 | HelloOk | in session, common n, its epoch + 1 n, committed n |
 * | 0x12 | Append | in session, base n, next - base n, committed n, log start n, flush n, |
 * | | | fresh (0 or 1), size n, batches |
 * | 0x13 | Ack | in session, written n, flushed n, log start n, own written n, own flushed n |
 * | 0x14 | Reject | in session |
 * | 0x15 | Ack | as 0x13, then the greatest log start n, where that is another (version 2) |
 * | 0x16 | HelloOk | as 0x11, then count n, epoch n and end offset n each (version 2) |
 * | 0x20 | call | id n, name text, size n, body |
 * | 0x21 | answer | id n, size n, body |
 * | 0x22 | failure | id n, error code text, detail text |
 *
 * In session is: topic id (16), partition n, epoch n, session n. The tag of a message about the
 * same topic as the one before it in the frame has 0x80 set; the topic id is left out.
 */
export const itemTags = {
  wanted: 0x01,
  hello: 0x10,
  helloOk: 0x11,
  append: 0x12,
  ack: 0x13,
  reject: 0x14,
  ackOfStarts: 0x15,
  helloOkOfEpochs: 0x16,
  call: 0x20,
  answer: 0x21,
  failure: 0x22,
} as const;

export const sameTopicBit = 0x80;
export const countedFlag = 1;

/** Size and CRC. */
export const frameHeadBytes = 8;
