/** Those who are told of one kind of event, in the order in which they came. */
export class Listeners<Parts extends readonly unknown[]> {
  readonly #all = new Set<(...parts: Parts) => void>();

  /** Answers what takes it off. */
  add(listener: (...parts: Parts) => void): () => void {
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  }

  tell(...parts: Parts): void {
    for (const listener of this.#all) listener(...parts);
  }
}
