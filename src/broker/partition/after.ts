/** Goes on with `value` at once when it is there, else when it has come: no turn is lost. */
export function after<T, U>(
  value: T | Promise<T>,
  next: (value: T) => U | Promise<U>,
): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
