/** Offsets that reached a reader, by `topic-partition`. */
export class Delivered extends Map<string, Set<number>> {
  note(key: string, offset: number): void {
    const offsets = this.get(key) ?? new Set();
    this.set(key, offsets);
    offsets.add(offset);
  }
}
