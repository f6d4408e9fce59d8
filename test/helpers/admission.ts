import { createAdmission } from '../../src/provisioning/admission.ts';
import { createSerialLists } from '../../src/registry/serial-lists.ts';
import type { Rooms } from './rooms.ts';

/** Admission over the rooms' own store: no profile overrides, and no chain that answers unless one is given. */
export function admissionOf(
  { storage, clock }: Rooms,
  askHook: Parameters<typeof createAdmission>[0]['askHook'] = () => Promise.resolve(undefined),
) {
  const serials = createSerialLists({ documents: storage.documents, audit: storage.audit, clock });
  const none = {
    byName: () => undefined,
    byProvisionKey: () => undefined,
    byProductKey: () => undefined,
    all: () => [],
  };
  return { serials, admit: createAdmission({ serials, askHook, profiles: () => none, clock }) };
}
