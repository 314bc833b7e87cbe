/**
 * A value that is in memory, or a promise of one that is not. What is in memory comes without a promise, which would cost a turn of the event loop in
 * each of thousands of requests a second.
 */
export type AtHand<Value> = Value | Promise<Value>

/** `then` for an {@link AtHand}: calls `use` at once if the value is here, and what `use` throws is then thrown, not a rejection. */
export function andThen<Value, Result>(value: AtHand<Value>, use: (value: Value) => AtHand<Result>): AtHand<Result> {
  return value instanceof Promise ? value.then(use) : use(value)
}
