/**
 * The partition of `__consumer_offsets` that holds a group: Java's string hash over UTF-16 units,
 * its absolute value modulo the count, the one value without an absolute value counting as 0.
 */
export function groupPartition(group: string, partitionCount: number): number {
  let hash = 0;
  for (let index = 0; index < group.length; index++) {
    hash = (Math.imul(hash, 31) + group.charCodeAt(index)) | 0;
  }
  return (hash === -0x80000000 ? 0 : Math.abs(hash)) % partitionCount;
}
