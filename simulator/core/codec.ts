/** State as JSON text: amounts, maps and sets keep what they are. */
export function encodeState(state: unknown): string {
  return JSON.stringify(state, (_key, value) => {
    if (typeof value === "bigint") return { $fixed: value.toString() };
    if (value instanceof Map) return { $map: [...value] };
    if (value instanceof Set) return { $set: [...value] };
    return value;
  });
}

/** The inverse of `encodeState`. Throws a `SyntaxError` for text that is not JSON. */
export function decodeState(text: string): unknown {
  return JSON.parse(text, (_key, value) => {
    if (typeof value !== "object" || value === null) return value;
    if (typeof value.$fixed === "string") return BigInt(value.$fixed);
    if (Array.isArray(value.$map)) return new Map(value.$map);
    if (Array.isArray(value.$set)) return new Set(value.$set);
    return value;
  });
}
