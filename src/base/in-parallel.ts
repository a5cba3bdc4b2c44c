/**
 * Runs `work` for every item, at most `most` at a time, and answers what it answered, in the order
 * of the items. After a failure nothing more starts; it is thrown once what ran has ended.
 */
export async function inParallel<T, Answer>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  const left = items.entries();
  let failure: { readonly error: unknown } | undefined;
  const run = async (): Promise<void> => {
    for (const [at, item] of left) {
      if (failure !== undefined) return;
      try {
        answers[at] = await work(item);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, run));
  if (failure !== undefined) throw failure.error;
  return answers;
}
