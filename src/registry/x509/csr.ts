import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readSequence, TAG } from './der.ts';
import { keyProblem, SIGNATURE_KINDS } from './signature-kinds.ts';

export type ParsedCsr =
  /** `publicKey`: SubjectPublicKeyInfo. Whoever made the request holds the private key; what else it says does not count. */
  { readonly ok: true; readonly publicKey: Buffer } | { readonly ok: false; readonly problem: string };

const PEM = /^-----BEGIN (NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END (NEW )?CERTIFICATE REQUEST-----$/;
const MAX_PEM = 16_384;
const wrong = (problem: string): ParsedCsr => ({ ok: false, problem });

/** A certificate signing request (RFC 2986) in PEM, with its signature checked. */
export function parseCsr(pem: string): ParsedCsr {
  if (pem.length > MAX_PEM) return wrong(`is longer than ${MAX_PEM} characters`);
  const body = PEM.exec(pem.trim())?.[2];
  const [info, algorithm, signature, ...rest] = readSequence(Buffer.from(body ?? '', 'base64')) ?? [];
  if (!info || !algorithm || signature?.tag !== TAG.bits || rest.length > 0) {
    return wrong('is no certificate signing request in PEM');
  }
  const publicKey = readSequence(info.whole)?.[2];
  const [id] = readSequence(algorithm.whole) ?? [];
  const kind = id?.tag === TAG.oid ? SIGNATURE_KINDS.get(id.content.toString('hex')) : undefined;
  if (!publicKey || !kind)
    return wrong('is signed in a way that is not known here: use SHA-256 with RSA, EC or Ed25519');
  const key = keyOf(publicKey.whole);
  if (!key) return wrong('holds no public key that can be read');
  const problem = keyProblem(key);
  if (problem !== undefined) return wrong(`cannot be signed: ${problem}`);
  const isRight =
    key.asymmetricKeyType === kind.key &&
    signature.content[0] === 0 &&
    isSigned(kind.hash, info.whole, key, signature.content.subarray(1));
  return isRight ? { ok: true, publicKey: publicKey.whole } : wrong('is not signed with its own key');
}

function keyOf(spki: Buffer): KeyObject | undefined {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch {
    return undefined; // the caller says so
  }
}

function isSigned(hash: string | null, content: Buffer, key: KeyObject, signature: Buffer): boolean {
  try {
    return verify(hash, content, key, signature);
  } catch {
    return false; // a signature of a form that the key has none of
  }
}
