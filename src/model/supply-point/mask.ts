/** Anything shaped like a supply point code of Spain or Portugal, with the separators that people write. */
const CODE = /[A-Z]{2}[\s./_\u2010-\u2015-]{0,2}(?:\d[\s./_\u2010-\u2015-]{0,2}){16}[A-Z]{2}(?:[ -]?\d[A-Z])?/gi;

/** A text without the codes in it, whether or not they are valid: for errors, audit and logs (cups.md 7). */
export function hideSupplyPoints(text: string): string {
  return text.replace(CODE, '[supply point]');
}

/**
 * The only form of a supply point for logs, traces, metrics, errors and audit: `ES0021…LB#3fa91c`. `keyedHex` is the hex
 * HMAC of the stem under the instance key; its first six digits tell points apart without naming one.
 */
export function maskSupplyPoint(stem: string, keyedHex: string): string {
  const tag = `#${keyedHex.slice(0, 6)}`;
  // A short text, surely no code, would be shown nearly whole.
  return stem.length < 14 ? `…${tag}` : `${stem.slice(0, 6)}…${stem.slice(-2)}${tag}`;
}
