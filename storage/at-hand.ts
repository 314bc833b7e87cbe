/** What is at hand now, or comes later. What is in memory is given without a promise: a turn of the event loop is felt where thousands ask per second. */
export type AtHand<Value> = Value | Promise<Value>

/** Goes on with a value: at once where it is at hand. What `use` throws is then thrown, not rejected. */
export function andThen<Value, Result>(value: AtHand<Value>, use: (value: Value) => AtHand<Result>): AtHand<Result> {
  return value instanceof Promise ? value.then(use) : use(value)
}
