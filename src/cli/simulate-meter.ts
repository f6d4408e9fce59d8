import type { Secret } from '../model/secret.ts';
import type { Answer } from './simulate-frames.ts';
import { type FleetIdentity, type Provisioned, provisionMeter, syntheticCups, tokenOf } from './simulate-identity.ts';
import { Link, type Opening, type Target } from './simulate-link.ts';
import type { PayloadTemplate } from './simulate-payload.ts';
import type { Tally } from './simulate-stats.ts';

/** What all meters of a run share. */
export interface FleetContext {
  readonly target: Target;
  readonly identity: FleetIdentity;
  readonly supplierKey?: Secret;
  readonly payload: PayloadTemplate;
  readonly tally: Tally;
  random(): number;
  /** Set once the first meter shows that the fleet of this name is there already: then tokens are tried first. */
  fleetExists: boolean;
  /** Aborted when the run is over: nobody connects any more. */
  readonly ended: AbortSignal;
}

const TELEMETRY = 'v1/devices/me/telemetry';
const ATTRIBUTES = 'v1/devices/me/attributes';
/** Of one meter: more wait for their PUBACK only when the broker is late. */
const MAX_IN_FLIGHT = 16;
const ATTACH_DEADLINE_MS = 15_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** One well-behaved meter: provisions once, attaches once, publishes, and comes back when its connection ends. */
export class Meter {
  readonly name: string;
  readonly #context: FleetContext;
  readonly #cups: string;
  #token: string;
  #link: Link | undefined;
  /** When each unacknowledged message was sent, by packet id. */
  readonly #inFlight = new Map<number, number>();
  #sent = 0;
  #attached = false;
  #pauseMs = FIRST_PAUSE_MS;
  #retry: NodeJS.Timeout | undefined;

  constructor(context: FleetContext, number: number) {
    this.#context = context;
    this.name = `${context.identity.prefix}-${number}`;
    this.#token = tokenOf(context.identity, this.name);
    this.#cups = syntheticCups(context.identity.prefix, number);
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  get ready(): boolean {
    return this.#link !== undefined && this.#inFlight.size < MAX_IN_FLIGHT;
  }

  /** Gets credentials and connects; counts what happens. `unreachable` and `NOT_FOUND` concern the whole fleet: its caller decides. */
  async onboard(): Promise<Opening | Provisioned> {
    const { context, first } = { context: this.#context, first: this.#context.fleetExists };
    if (first) {
      const opening = await this.#open();
      if (opening.kind !== 'refused') return this.#join(opening);
    }
    const provisioned = await provisionMeter(context.target, context.identity, this.name, context.ended);
    if (provisioned.kind === 'token') {
      context.tally.provisioned++;
      this.#token = provisioned.token;
      return this.#join(await this.#open());
    }
    if (!first && provisioned.kind === 'refused' && provisioned.status === 'FAILURE') {
      // The name is taken: by this fleet of an earlier run, if its token lets in.
      const opening = await this.#open();
      if (opening.kind === 'open') context.fleetExists = true;
      if (opening.kind !== 'refused') return this.#join(opening);
    }
    if (provisioned.kind === 'refused') context.tally.refuse(`provisioning: ${provisioned.status}`);
    else if (provisioned.kind === 'closed') context.tally.refuse('provisioning: connection closed');
    return provisioned;
  }

  /** Publishes one telemetry message; only when `ready`. */
  publish(): void {
    const { payload, tally, random } = this.#context;
    const link = this.#link;
    if (link === undefined) return;
    this.#sent++;
    const text = payload({ n: this.#sent, ts: Date.now(), name: this.name, random });
    this.#inFlight.set(link.publish(TELEMETRY, text), performance.now());
    tally.sent++;
  }

  /** Drops the connection without a word; false when there was none. */
  powerCut(): boolean {
    const link = this.#link;
    if (link === undefined) return false;
    this.#part('interrupted');
    link.drop();
    return true;
  }

  /** Connects again at once. */
  powerBack(): void {
    void this.#reconnect();
  }

  ping(): void {
    this.#link?.ping();
  }

  leave(): void {
    clearTimeout(this.#retry);
    const link = this.#link;
    if (link === undefined) return;
    this.#part('lost');
    link.leave();
  }

  #open(): Promise<Opening> {
    return Link.open(this.#context.target, this.#token, this.name, this.#context.ended);
  }

  async #join(opening: Opening): Promise<Opening> {
    const { tally, supplierKey } = this.#context;
    if (opening.kind === 'open') {
      const { link } = opening;
      if (supplierKey !== undefined && !this.#attached) await this.#attach(link, supplierKey);
      if (link.ended) {
        this.#ended();
        return { kind: 'closed' };
      }
      if (this.#context.ended.aborted) {
        link.leave();
        return opening;
      }
      link.onAnswer = (answer) => this.#take(answer);
      link.onEnd = () => this.#ended();
      this.#link = link;
      this.#pauseMs = FIRST_PAUSE_MS;
      tally.joined();
      return opening;
    }
    if (opening.kind === 'refused') tally.refuse(`login: code ${opening.code}`);
    this.#retryLater();
    return opening;
  }

  async #attach(link: Link, supplierKey: Secret): Promise<void> {
    const body = { Power_supplier_secret_key: supplierKey.reveal(), CUPS: this.#cups };
    const acknowledged = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), ATTACH_DEADLINE_MS);
      const settle = (value: boolean): void => {
        clearTimeout(timer);
        resolve(value);
      };
      const id = link.publish(ATTRIBUTES, JSON.stringify(body));
      link.onEnd = () => settle(false);
      // The broker says the outcome before or after its PUBACK or, when it is no gridmoor, not at all.
      link.onAnswer = (answer) => {
        this.#take(answer);
        if (answer.kind === 'puback' && answer.id === id) settle(answer.code < 0x80);
      };
    });
    if (!acknowledged) this.#context.tally.refuse('attachment: not acknowledged');
  }

  #outcome(outcome: string): void {
    const { tally } = this.#context;
    if (this.#attached) return;
    this.#attached = true;
    if (outcome === 'attached') tally.attached++;
    else tally.refuse(`attachment: ${outcome}`);
  }

  #take(answer: Answer): void {
    const { tally } = this.#context;
    if (answer.kind === 'publish') {
      const outcome = onboardingOf(answer.payload);
      if (outcome !== undefined) this.#outcome(outcome);
    }
    if (answer.kind !== 'puback') return;
    const sentAt = this.#inFlight.get(answer.id);
    if (sentAt === undefined) return;
    this.#inFlight.delete(answer.id);
    if (answer.code >= 0x80) {
      tally.refuse(`telemetry: code ${answer.code}`);
      return;
    }
    tally.acknowledged++;
    tally.latencies.add(performance.now() - sentAt);
  }

  #ended(): void {
    if (this.#link !== undefined) this.#part('lost');
    this.#context.tally.broken++;
    this.#retryLater();
  }

  /** The connection is over: what was on its way is counted by the reason. */
  #part(reason: 'interrupted' | 'lost'): void {
    const { tally } = this.#context;
    if (this.#link !== undefined) {
      this.#link.onAnswer = () => {};
      this.#link.onEnd = () => {};
      tally.connected--;
    }
    this.#link = undefined;
    tally[reason] += this.#inFlight.size;
    this.#inFlight.clear();
  }

  #retryLater(): void {
    if (this.#context.ended.aborted) return;
    const pauseMs = this.#pauseMs * (0.5 + this.#context.random());
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#reconnect(), pauseMs);
  }

  async #reconnect(): Promise<void> {
    if (this.#context.ended.aborted) return;
    const opening = await this.#join(await this.#open());
    if (opening.kind === 'open') this.#context.tally.reconnects++;
  }
}

/** `attached`, or the reason of a refusal, when the payload is gridmoor's word on the attachment. */
function onboardingOf(payload: Buffer): string | undefined {
  try {
    const { onboarding } = JSON.parse(payload.toString('utf8')) as {
      onboarding?: { status?: string; reason?: string };
    };
    return onboarding?.status === 'refused' ? (onboarding.reason ?? 'refused') : onboarding?.status;
  } catch {
    return undefined;
  }
}
