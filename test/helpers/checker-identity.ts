import type { Finding } from './checker.ts';
import { groupBy, isAcked, isDeadLettered, type ProvisionAsk, type Trace } from './journal.ts';
import type { AttachmentFacts, StoreView } from './store-view.ts';

/** I2 and I3: one credential one device, one name one device, and no answer that no order of the requests explains. */
export function judgeProvisioning(trace: Trace, store: StoreView | undefined): readonly Finding[] {
  const findings: Finding[] = [];
  const found = (invariant: 'I2' | 'I3', problem: string): void => void findings.push({ invariant, problem });
  const successes = trace.asks.filter(({ answer }) => answer?.status === 'SUCCESS');
  for (const [name, asks] of groupBy(successes, (ask) => ask.name)) {
    if (asks.length > 1) found('I3', `${name} was created ${asks.length} times`);
  }
  for (const [token, asks] of groupBy(successes, (ask) => ask.answer?.token ?? '')) {
    if (asks.length > 1)
      found('I2', `${asks.map(({ name }) => name).join(' and ')} were given one credential ${token}`);
  }
  for (const ask of trace.asks) {
    if (ask.answer === undefined || ask.answer.status === 'SUCCESS') continue;
    if (ask.answer.status !== 'FAILURE') found('I3', `${ask.name} was answered ${ask.answer.status}`);
    else if (!trace.asks.some((other) => couldStandInTheWay(other, ask))) {
      found('I3', `${ask.name} was refused, though no other request can have taken its name or token`);
    }
  }
  for (const { device, why } of trace.gaveUp) found('I3', `${device} could not be onboarded: ${why}`);
  if (store) judgeRegistry(trace, store, found);
  return findings;
}

/** Whether a request can have been carried out before the refused one was answered. */
function couldStandInTheWay(other: ProvisionAsk, refused: ProvisionAsk): boolean {
  if (other === refused || other.sentAt > (refused.answer?.at ?? 0)) return false;
  const clash = other.name === refused.name || (other.token !== undefined && other.token === refused.token);
  return clash && other.answer?.status !== 'FAILURE';
}

function judgeRegistry(trace: Trace, store: StoreView, found: (invariant: 'I2' | 'I3', problem: string) => void): void {
  const idOf = new Map<string, string>();
  for (const { id, name } of store.devices) {
    if (idOf.has(name)) found('I3', `two devices are named ${name}`);
    idOf.set(name, id);
  }
  if (store.deviceCount !== store.devices.length) {
    found('I3', `the store counts ${store.deviceCount} devices and lists ${store.devices.length}`);
  }
  for (const { name } of store.devices) {
    const possible = trace.asks.some((ask) => ask.name === name && ask.answer?.status !== 'FAILURE');
    if (!possible) found('I3', `${name} is stored, though every request for it was refused`);
    if (!store.devicesWithCredentials.has(name)) found('I3', `${name} has no credentials`);
  }
  for (const { name, answer } of trace.asks) {
    if (answer?.status !== 'SUCCESS' || answer.token === undefined) continue;
    const id = idOf.get(name);
    const holder = store.tokenOwners.get(answer.token);
    if (id === undefined) found('I3', `${name} was created and acknowledged, but is not stored`);
    else if (holder === undefined) found('I3', `the credential given to ${name} does not work`);
    else if (holder !== id) found('I2', `the credential given to ${name} belongs to another device`);
  }
  for (const [id, tokens] of groupBy(store.tokenOwners, ([, owner]) => owner)) {
    if (tokens.length > 1) found('I2', `device ${id} answers to ${tokens.length} tokens`);
  }
  const ids = new Set(store.devices.map(({ id }) => id));
  for (const { action, subject } of store.audit) {
    const id = subject.replace(/^device:/, '');
    if (action === 'device.create' && !ids.has(id)) found('I3', `the audit tells of ${subject}, which is not stored`);
  }
}

/** I4: at most one holder a supply point, whole attachments, whole history, and what was answered holds. */
export function judgeAttachments(trace: Trace, store: StoreView): readonly Finding[] {
  const findings: Finding[] = [];
  const found = (problem: string): void => void findings.push({ invariant: 'I4', problem });
  for (const [stem, held] of groupBy(store.attachments, (attachment) => attachment.stem)) {
    if (held.length > 1) found(`${stem} is held by ${held.map(({ device }) => device).join(' and ')}`);
  }
  for (const attachment of store.attachments) judgeWhole(attachment, store, found);
  for (const stray of store.strayRelations) found(`a relation of no attachment: ${stray}`);
  for (const [device, history] of store.history) {
    let open = false;
    for (const { event } of history) {
      const begins = event === 'attached' || event === 'moved-in';
      if (begins === open)
        found(`${device}: its history has ${event} ${open ? 'while attached' : 'while not attached'}`);
      open = begins;
    }
    const attached = store.attachments.some((attachment) => attachment.device === device);
    if (open !== attached)
      found(`${device}: its history ends ${open ? 'attached' : 'detached'}, the record says otherwise`);
  }
  judgeAnswers(trace, store, found);
  return findings;
}

function judgeWhole(attachment: AttachmentFacts, store: StoreView, found: (problem: string) => void): void {
  const { device, stem, missing } = attachment;
  if (missing.length > 0) found(`${device}: half an attachment, without ${missing.join(', ')}`);
  const last = store.history.get(device)?.at(-1);
  if (last?.stem !== stem) found(`${device}: attached to ${stem}, its history ends with ${last?.stem ?? 'nothing'}`);
}

function judgeAnswers(trace: Trace, store: StoreView, found: (problem: string) => void): void {
  const stemOf = new Map(store.attachments.map(({ device, stem }) => [device, stem]));
  const holderOf = new Map(store.attachments.map(({ device, stem }) => [stem, device]));
  for (const { from, payload } of trace.received) {
    const onboarding = onboardingIn(payload);
    const stem = trace.devices.get(from.device)?.stem;
    if (!onboarding || stem === undefined) continue;
    if (onboarding.status === 'attached' && stemOf.get(from.device) !== stem) {
      found(`${from.device} was told that it is attached, but is not`);
    }
    if (onboarding.reason === 'supply-point-taken' && (holderOf.get(stem) ?? from.device) === from.device) {
      found(`${from.device} was refused for another holder of ${stem}, but there is none`);
    }
  }
  for (const publish of trace.publishes) {
    if (publish.kind !== 'attach' || !isAcked(publish) || isDeadLettered(publish, store)) continue;
    const stem = trace.devices.get(publish.device)?.stem ?? '';
    if (!holderOf.has(stem)) found(`${publish.device}: its attachment was acknowledged, but nobody holds ${stem}`);
  }
}

function onboardingIn(payload: string): { readonly status?: string; readonly reason?: string } | undefined {
  try {
    return (JSON.parse(payload) as { onboarding?: { status?: string; reason?: string } }).onboarding;
  } catch {
    return undefined;
  }
}
