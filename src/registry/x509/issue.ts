import { type KeyObject, randomBytes, sign, type X509Certificate } from 'node:crypto';
import { BrokerError } from '../../errors.ts';
import { bits, der, oid, readSequence, sequence, TAG, time } from './der.ts';
import { signingKind } from './signature-kinds.ts';

/** An authority that signs certificates of devices. */
export interface Issuer {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

export interface Wanted {
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
  readonly commonName: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** For clients only, and no authority: extensions as RFC 5280 4.2 has them. */
const EXTENSIONS = der(
  0xa3,
  sequence(
    extension('551d13', true, sequence()),
    // digitalSignature
    extension('551d0f', true, der(TAG.bits, Buffer.from([7, 0x80]))),
    // clientAuth
    extension('551d25', false, sequence(oid('2b06010505070302'))),
  ),
);

/** Signs a certificate (RFC 5280); gives DER. */
export function issueCertificate({ certificate, key }: Issuer, wanted: Wanted): Buffer {
  const kind = signingKind(key);
  const subject = subjectOf(certificate);
  if (!kind || !subject) throw new BrokerError('INTERNAL', { detail: 'an issuer that cannot sign was let pass' });
  const serial = randomBytes(16);
  // Positive, and of sixteen bytes whatever they are.
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const toSign = sequence(
    der(0xa0, der(TAG.integer, Buffer.from([2]))),
    der(TAG.integer, serial),
    kind.der,
    subject,
    sequence(time(wanted.notBefore), time(wanted.notAfter)),
    sequence(der(TAG.set, sequence(oid('550403'), der(TAG.utf8, Buffer.from(wanted.commonName))))),
    wanted.publicKey,
    EXTENSIONS,
  );
  return sequence(toSign, kind.der, bits(sign(kind.hash, toSign, key)));
}

/** The subject's name as it stands in a certificate. */
export function subjectOf({ raw }: X509Certificate): Buffer | undefined {
  const [body] = readSequence(raw) ?? [];
  // version, serial number, signature, issuer, validity, subject
  return body && readSequence(body.whole)?.[5]?.whole;
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [der(TAG.boolean, Buffer.from([0xff]))] : []), der(TAG.octets, value));
}
