import type { CloseReason, LoginRefusal } from '../../device-api/index.ts';
import { reasonCodes } from './reason-codes.ts';

/** aedes' CONNACK numbers: it turns them into 0x85, 0x88, 0x86 and 0x87 for MQTT 5. */
type AedesReturnCode = 2 | 3 | 4 | 5;

const REFUSALS = {
  'bad-credentials': { v3: 5, v5: 4 },
  'bad-client-id': { v3: 2, v5: 2 },
  'not-authorized': { v3: 5, v5: 5 },
  unavailable: { v3: 3, v5: 3 },
  'hang-up': { v3: 3, v5: 3 },
  // MQTT 5 gets 0x9F, for which aedes has no number: see `refuseConnect`.
  'rate-limited': { v3: 3, v5: 3 },
} as const satisfies Record<LoginRefusal, { v3: AedesReturnCode; v5: AedesReturnCode }>;

/** CONNACK of a refused login (thingsboard-device-api 1.4): on v3 a wrong token is 5, never 4. */
export class ConnectRefused extends Error {
  readonly returnCode: AedesReturnCode;

  /** @param v3Code instead of the usual code of 3.1.1 and 3.1. */
  constructor(reason: LoginRefusal, version: number, v3Code?: AedesReturnCode) {
    super(`login refused: ${reason}`);
    this.returnCode = version === 5 ? REFUSALS[reason].v5 : (v3Code ?? REFUSALS[reason].v3);
  }
}

/** MQTT 5 DISCONNECT codes (thingsboard-device-api 1.6). */
export const CLOSE_CODES = {
  'taken-over': reasonCodes.sessionTakenOver,
  'credentials-changed': reasonCodes.administrativeAction,
  'device-deleted': reasonCodes.administrativeAction,
  'device-disabled': reasonCodes.administrativeAction,
  'shutting-down': reasonCodes.serverShuttingDown,
  'refused-by-store': reasonCodes.implementationSpecific,
  'rate-limited': reasonCodes.implementationSpecific,
} as const satisfies Record<CloseReason, number>;
