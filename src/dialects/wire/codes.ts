/** Codes in replies to devices, by dialect (registration-protocols 2). A name that a dialect lacks has its nearest. */
export const REPLY_CODES = {
  enos: {
    ok: 200,
    tooLarge: 1008,
    notLoggedIn: 1009,
    noHandler: 1101,
    unknownTopic: 1101,
    handlerFailed: 1102,
    payloadFormat: 1220,
    invalidParams: 1220,
    emptyPayload: 1251,
    methodMismatch: 1260,
    notAllowed: 1009,
    disabled: 1009,
    ownTopology: 1009,
    rateLimited: 1009,
    unknownDevice: 700,
    failed: 800,
  },
  alibaba: {
    ok: 200,
    tooLarge: 460,
    notLoggedIn: 520,
    noHandler: 460,
    unknownTopic: 6203,
    handlerFailed: 500,
    payloadFormat: 6207,
    invalidParams: 460,
    emptyPayload: 460,
    methodMismatch: 6300,
    notAllowed: 401,
    disabled: 6204,
    ownTopology: 6402,
    rateLimited: 429,
    unknownDevice: 6100,
    failed: 500,
  },
} as const;

export type ReplyCode = keyof (typeof REPLY_CODES)['enos'];

/** `code` of EnOS' REST API. */
export const ENOS_API_CODES = {
  ok: 0,
  replayedToken: 1001,
  unknownKey: 1002,
  wrongEncryption: 1003,
  badParameter: 1004,
  internal: 1005,
  emptyParameter: 1202,
  tokenExpired: 1203,
  refreshFailed: 1204,
  notFound: 11404,
  deviceExists: 11702,
  keyGenerationFailed: 11714,
  quotaReached: 11739,
  invalidArguments: 99400,
  /** EnOS documents no codes of these. */
  wrongSignature: 401,
  notPermitted: 403,
} as const;

export type EnosApiCode = keyof typeof ENOS_API_CODES;
