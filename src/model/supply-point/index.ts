import { esCups } from './es-cups.ts';
import { ptCpe } from './pt-cpe.ts';
import type { AttachmentKey, SupplyPoint, SupplyPointError, SupplyPointScheme } from './scheme.ts';

export { hideSupplyPoints, maskSupplyPoint } from './mask.ts';
export type {
  AttachmentKey,
  EnergyKind,
  SupplyPoint,
  SupplyPointError,
  SupplyPointErrorCode,
  SupplyPointResult,
  SupplyPointScheme,
  SupplyPointWarning,
} from './scheme.ts';
export { supplyPointErrorCodes, supplyPointWarnings } from './scheme.ts';

/** Every scheme by its id: the closed list for profiles and node configs. */
export const supplyPointSchemes = {
  'es-cups': esCups,
  'pt-cpe': ptCpe,
} as const satisfies Record<string, SupplyPointScheme>;

export type SupplyPointSchemeId = keyof typeof supplyPointSchemes;

export const supplyPointSchemeIds = Object.keys(supplyPointSchemes) as readonly SupplyPointSchemeId[];

export function isSupplyPointSchemeId(text: string): text is SupplyPointSchemeId {
  return Object.hasOwn(supplyPointSchemes, text);
}

/**
 * Reads a code under the schemes that a profile takes. Of several, the one whose prefix the code bears is asked; a code
 * that bears none gets the first scheme's answer, so its error names what was expected.
 */
export function normaliseSupplyPoint(
  text: unknown,
  schemes: readonly [SupplyPointSchemeId, ...SupplyPointSchemeId[]],
): (SupplyPoint & { readonly key: AttachmentKey }) | SupplyPointError {
  let id = schemes[0];
  let result = supplyPointSchemes[id].normalise(text);
  for (let at = 1; at < schemes.length && !result.ok && result.code === 'country'; at++) {
    const other = schemes[at] ?? id;
    const answer = supplyPointSchemes[other].normalise(text);
    if (answer.ok || answer.code !== 'country') {
      id = other;
      result = answer;
    }
  }
  return result.ok ? { ...result, key: { scheme: id, stem: result.stem } } : result;
}
