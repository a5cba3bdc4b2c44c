import type { DoorContext } from "./door-context.ts";

/**
 * Waits for an answer that depends on what others do. When the connection ends first, the waiting
 * ends with `early`; what the broker answers later is for nobody.
 */
export function parkAnswer<T>(
  context: Pick<DoorContext, "park">,
  answer: Promise<T>,
  early: T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => resolve(early);
    const unpark = context.park({ expire: end, cancel: end });
    answer.finally(unpark).then(resolve, reject);
  });
}
