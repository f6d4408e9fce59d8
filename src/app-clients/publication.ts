import { deserialize, serialize } from 'node:v8';
import type { Publication } from '../model/publication.ts';

export const toBytes = (publication: Publication): Buffer => serialize(publication);

/** Undefined for bytes that hold no publication. */
export function fromBytes(bytes: Buffer): Publication | undefined {
  try {
    const found = deserialize(bytes) as Publication;
    // It is a plain byte array otherwise.
    return { ...found, payload: Buffer.from(found.payload) };
  } catch {
    return undefined;
  }
}
