/**
 * Several streams, each rising in time, as one: yields all items that share the earliest time, stream by stream in
 * the order given, then those of the next time. Holds one item per stream, and closes every stream when it stops.
 */
export async function* mergeByTime<T>(
  streams: readonly AsyncIterable<T>[],
  timeOf: (item: T) => number,
): AsyncGenerator<T[], void, undefined> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  try {
    const heads = await Promise.all(iterators.map((iterator) => iterator.next()));
    while (true) {
      const times = heads.map((head) => head.done ? Infinity : timeOf(head.value));
      const earliest = Math.min(...times);
      if (earliest === Infinity) return;
      const group: T[] = [];
      for (const [index, iterator] of iterators.entries()) {
        const head = heads[index]!;
        if (head.done || times[index] !== earliest) continue;
        group.push(head.value);
        heads[index] = await iterator.next();
      }
      yield group;
    }
  } finally {
    await Promise.all(iterators.map((iterator) => iterator.return?.()));
  }
}
