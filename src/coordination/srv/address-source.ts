/** Where one member listens: a name or an IP address without brackets, and a port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Tells a running client of a coordinator where its members are, and when that changes. */
export interface AddressSource {
  /** At least one, in the order in which they are to be tried. */
  readonly current: readonly Address[];
  /** Called with what is then `current`; only when other members, or another order, are wanted. */
  onChanged(listener: (addresses: readonly Address[]) => void): () => void;
  /** A member failed: it looks again soon, however often this is called. */
  suspect(): void;
  /** Looks no more. */
  close(): void;
}
