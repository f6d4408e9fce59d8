/**
 * The only form of a supply point for logs, traces, metrics, errors and audit: `ES0021…LB#3fa91c`. `keyedHex` is the hex
 * HMAC of the stem under the instance key; its first six digits tell points apart without naming one.
 */
export function maskSupplyPoint(stem: string, keyedHex: string): string {
  const tag = `#${keyedHex.slice(0, 6)}`;
  // A short text, surely no code, would be shown nearly whole.
  return stem.length < 14 ? `…${tag}` : `${stem.slice(0, 6)}…${stem.slice(-2)}${tag}`;
}
