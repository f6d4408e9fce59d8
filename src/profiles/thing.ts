import { productKeyProblem, SIGNATURE_HASHES } from '../dialects/wire/dialect.ts';
import { patternProblem } from '../schema/pattern-cost.ts';
import { resolveSecretRef, type SecretRefOptions } from '../schema/secret-ref.ts';
import type { Report } from './profile-draft.ts';
import type { NativeProfile } from './profile-schema.ts';
import { parseTime } from './provision-rules.ts';
import type { ProductSecret, RefusalCodes, ThingDraft, ThingProfile } from './thing-profile.ts';
import type { OnExisting } from './thing-schema.ts';

export const REFUSAL_CODES: RefusalCodes = { credentials: 4, notAllowed: 5 };

/** What dialects do when a device asks again; the first is the default. */
export const POLICIES = {
  native: ['reject', 'return', 'once', 'rotate-until-active', 'rotate'],
  enos: ['once', 'rotate-until-active', 'reject'],
  alibaba: ['rotate-until-active', 'once', 'reject'],
} as const satisfies Record<NativeProfile['dialect'], readonly [OnExisting, ...OnExisting[]]>;

/** Reads the dialect's part of a native file; undefined for native ones, and after a reported error. */
export function readThing(file: NativeProfile, report: Report): ThingDraft | undefined {
  const { dialect, product, credentials, naming, provision, compat, integration, gateway, downloads, files } = file;
  const error = (at: string, rule: string, problem: string, hint?: string): undefined =>
    report({ at, rule, level: 'error', problem, ...(hint ? { hint } : {}) }) as undefined;
  if (dialect === 'native') {
    for (const [field, given] of Object.entries({
      product,
      credentials,
      naming,
      integration,
      gateway,
      downloads,
      files,
      compat,
    })) {
      if (given) error(`/${field}`, 'ignored-field', 'is of other dialects', 'set "dialect": "enos" or "alibaba"');
    }
    for (const field of ['dynamic', 'serviceAccounts', 'functionCompute'] as const) {
      if (provision?.[field]) error(`/provision/${field}`, 'ignored-field', 'is of other dialects');
    }
    if (file.listeners?.allowPlaintextProvisioning) {
      error('/listeners/allowPlaintextProvisioning', 'ignored-field', 'is of other dialects');
    }
    if (file.limits?.maxPayloadKb) error('/limits/maxPayloadKb', 'ignored-field', 'is of other dialects');
    return undefined;
  }
  if (!product) return error('/product', 'missing-product', `dialect "${dialect}" needs a product with its key`);
  if (file.transport === 'coap') {
    return error(
      '/transport',
      'wrong-transport',
      `devices of the dialect "${dialect}" do not come over CoAP`,
      'leave it out',
    );
  }
  for (const field of ['topics', 'payload'] as const) {
    if (!file[field]) continue;
    const problem = `has no effect: the dialect "${dialect}" has its own`;
    report({ at: `/${field}`, rule: 'ignored-field', level: 'warning', problem, hint: 'leave it out' });
  }
  const wrongKey = productKeyProblem(dialect, product.key);
  if (wrongKey) return error('/product/key', 'invalid-product-key', wrongKey);
  const current = product.secrets.filter(({ state }) => state === 'current').length;
  if (product.secrets.length > 0 && current !== 1) {
    return error('/product/secrets', 'wrong-secrets', 'needs exactly one secret of the state "current"');
  }
  for (const [index, { state, until }] of product.secrets.entries()) {
    const at = `/product/secrets/${index}/until`;
    if (state === 'previous' && until === undefined) return error(at, 'missing-end', 'a previous secret needs an end');
    if (state === 'current' && until !== undefined) return error(at, 'ignored-field', 'is of a previous secret');
    if (until !== undefined && Number.isNaN(parseTime(until))) return error(at, 'invalid-time', 'is no such time');
  }
  if (integration?.enabled && dialect !== 'enos') return error('/integration', 'ignored-field', 'is of EnOS');
  for (const field of ['key', 'secret'] as const) {
    if (provision?.[field] === undefined) continue;
    return error(`/provision/${field}`, 'ignored-field', 'is of native profiles', `use product.${field}`);
  }
  if (provision?.dynamic && product.secrets.length === 0) {
    return error('/product/secrets', 'missing-secret', 'dynamic registration needs the secret of the product');
  }
  if (provision?.serviceAccounts && !product.orgId) {
    return error('/product/orgId', 'missing-org', 'service accounts name the organisation: give its id');
  }
  if (provision?.functionCompute && dialect !== 'alibaba') {
    return error('/provision/functionCompute', 'ignored-field', 'is of Alibaba');
  }
  if (provision?.functionCompute && product.secrets.length === 0) {
    return error('/product/secrets', 'missing-secret', 'proofs are checked with the secret of the product');
  }
  if (provision?.functionCompute && provision.strategy === 'disabled') {
    return error('/provision/functionCompute', 'ignored-field', 'has no effect', 'choose another strategy');
  }
  if (provision?.dynamic && provision.strategy === 'disabled') {
    return error('/provision/dynamic', 'ignored-field', 'has no effect', 'choose another strategy than "disabled"');
  }
  if (downloads && !/^https?:\/\/[^\s/?#@]+\/?$/.test(downloads.url)) {
    return error('/downloads/url', 'invalid-url', 'is no http or https address without a path');
  }
  if (files && dialect !== 'enos') return error('/files', 'ignored-field', 'is of EnOS');
  const pattern = naming?.pattern;
  const wrongPattern = pattern === undefined ? undefined : patternProblem(pattern);
  if (wrongPattern) return error('/naming/pattern', 'invalid-pattern', wrongPattern);
  return {
    dialect,
    product: { key: product.key, secrets: product.secrets, ...(product.orgId ? { orgId: product.orgId } : {}) },
    hashes: compat?.legacyHashes ? SIGNATURE_HASHES : (credentials?.hashes ?? ['sha256']),
    secretBytes: credentials?.secretBytes ?? 16,
    naming: { source: naming?.source ?? 'deviceKey', ...(pattern === undefined ? {} : { pattern }) },
    dynamic: provision?.dynamic ?? false,
    integration: integration?.enabled ?? false,
    ...(integration?.rawDevice === undefined ? {} : { rawDevice: integration.rawDevice }),
    serviceAccounts: provision?.serviceAccounts ?? [],
    functionCompute: provision?.functionCompute ?? false,
    refusalCodes: { ...REFUSAL_CODES, ...compat?.refusalCodes },
    ...(downloads ? { downloadUrl: downloads.url.replace(/\/$/, '') } : {}),
    ...(gateway ? { children: { maxPerRequest: 30, max: 2000, ...gateway.children } } : {}),
    maxPayloadBytes: (file.limits?.maxPayloadKb ?? 512) * 1024,
    ...(files ? { files: { maxKb: files.maxKb ?? 512, max: files.max ?? 16, days: files.days ?? 30 } } : {}),
    pushWithoutSubscription: compat?.pushWithoutSubscription ?? true,
  };
}

/** The dialect's part in force, with its secrets; undefined after reported errors. */
export function resolveThing(draft: ThingDraft, options: SecretRefOptions, report: Report): ThingProfile | undefined {
  const { product, naming, hashes, ...rest } = draft;
  const secrets: ProductSecret[] = [];
  let failed = false;
  for (const [index, { secret, until }] of product.secrets.entries()) {
    const at = `/product/secrets/${index}/secret`;
    const resolved = resolveSecretRef(secret, options);
    if (resolved.kind === 'known') {
      if (typeof secret === 'string') {
        const hint = 'use {"env": "NAME"} or {"file": "path"}: files of profiles are kept in version control';
        const problem = 'the secret of the product stands in the file in clear';
        report({ at, rule: 'literal-secret', level: 'warning', problem, hint });
      }
      secrets.push({ secret: resolved.secret, ...(until === undefined ? {} : { until: parseTime(until) }) });
      continue;
    }
    failed = true;
    const problem =
      resolved.kind === 'unset'
        ? `the environment variable ${resolved.variable} (or ${resolved.variable}_FILE) is not set`
        : resolved.problem;
    report({ at, rule: 'missing-secret', level: 'error', problem });
  }
  if (failed) return undefined;
  return {
    ...rest,
    productKey: product.key,
    ...(product.orgId === undefined ? {} : { orgId: product.orgId }),
    secrets: secrets.sort((a, b) =>
      (a.until ?? Number.POSITIVE_INFINITY) < (b.until ?? Number.POSITIVE_INFINITY) ? 1 : -1,
    ),
    hashes: new Set(hashes),
    naming: {
      source: naming.source,
      ...(naming.pattern === undefined ? {} : { pattern: new RegExp(naming.pattern, 'u') }),
    },
  };
}
