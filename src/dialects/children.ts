import type {
  ChildLogin,
  ChildName,
  ChildResult,
  ChildVerified,
  CloseReason,
  Device,
  DeviceLink,
  Downlink,
  OpenSession,
} from '../device-api/index.ts';
import type { ChildSessions, ThingContext } from './operation.ts';
import type { Thing } from './thing.ts';
import { childNotice } from './wire/child-notice.ts';
import { formatReply } from './wire/envelope.ts';

export interface ChildrenParts {
  readonly gateway: Thing;
  /** Whether nobody can listen on the way to the gateway. */
  readonly secure: boolean;
  /** Most of them. */
  readonly max: () => number;
  /** A sub-device whose messages take the gateway's connection. */
  readonly open: (child: ChildName, result: Extract<ChildResult, { kind: 'device' }>) => Thing;
}

/** One sub-device that is logged in. */
class Child implements DeviceLink {
  readonly isSubDevice = true;
  readonly thing: Thing;
  readonly #ended: (child: Child, reason: CloseReason) => void;
  session: OpenSession | undefined;

  constructor(thing: Thing, ended: (child: Child, reason: CloseReason) => void) {
    this.thing = thing;
    this.#ended = ended;
  }

  send(downlink: Downlink): boolean {
    return this.thing.push(downlink);
  }

  close(reason: CloseReason): void {
    this.#ended(this, reason);
  }

  end(): void {
    this.thing.closed();
    this.session?.close();
  }
}

const keyOf = ({ productKey, deviceKey }: ChildName): string => `${productKey}\n${deviceKey}`;

/** The sub-devices that are logged in over one connection of a gateway. */
export class Children implements ChildSessions {
  readonly #parts: ChildrenParts;
  readonly #open = new Map<string, Child>();
  #opening = 0;
  #closed = false;

  constructor(parts: ChildrenParts) {
    this.#parts = parts;
  }

  get(name: ChildName): Thing | undefined {
    return this.#open.get(keyOf(name))?.thing;
  }

  /** Something came from the sub-device. */
  seen(name: ChildName): void {
    this.#open.get(keyOf(name))?.session?.seen();
  }

  async login(child: ChildLogin): Promise<ChildResult> {
    const { gateway, secure, max, open } = this.#parts;
    const known = this.#open.has(keyOf(child));
    if (!known && this.#open.size + this.#opening >= max()) return { kind: 'refused' };
    this.#opening++;
    try {
      const result = await gateway.api.things.children.login(gateway.device, child, secure);
      if (result.kind === 'refused') return result;
      if (this.#closed) {
        gateway.api.abandon(result.device);
        return result;
      }
      const added = new Child(open(child, result), (ended, reason) => this.#lost(ended, reason));
      const former = this.#open.get(keyOf(child));
      this.#open.set(keyOf(child), added);
      former?.end();
      added.session = gateway.api.openSession(result.device, added);
      added.thing.opened();
      return result;
    } finally {
      this.#opening--;
    }
  }

  logout(name: ChildName): boolean {
    const child = this.#open.get(keyOf(name));
    this.#open.delete(keyOf(name));
    child?.end();
    return child !== undefined;
  }

  register(child: ChildName): Promise<ChildResult> {
    const { gateway, secure } = this.#parts;
    return gateway.api.things.children.register(gateway.device, child, secure);
  }

  verify(child: ChildLogin): Promise<ChildVerified> {
    const { gateway } = this.#parts;
    return gateway.api.things.children.verify(gateway.device, child);
  }

  async offline(): Promise<(name: ChildName) => Pick<ThingContext, 'uplink'> | undefined> {
    const { api, device } = this.#parts.gateway;
    const all = new Map<string, Device>();
    for (const child of await api.things.children.list(device)) all.set(keyOf(child), child.device);
    const uplinks = new Map<string, Pick<ThingContext, 'uplink'>>();
    return (name) => {
      const [key, found] = [keyOf(name), all.get(keyOf(name))];
      const known = uplinks.get(key) ?? (found && { uplink: api.uplink(found) });
      if (known) uplinks.set(key, known);
      return known;
    };
  }

  /** The connection is gone. */
  close(): void {
    this.#closed = true;
    const all = [...this.#open.values()];
    this.#open.clear();
    for (const child of all) child.end();
  }

  /** The server ended the session of a sub-device: its gateway hears so. */
  #lost(child: Child, reason: CloseReason): void {
    const { productKey, deviceKey } = child.thing;
    if (this.#open.get(keyOf(child.thing)) !== child) return; // it has a newer login over this connection
    this.logout(child.thing);
    const { gateway } = this.#parts;
    const action = reason === 'device-deleted' ? 'delete' : 'disable';
    if (gateway.dialect === 'enos' || reason === 'device-deleted' || reason === 'device-disabled') {
      const { topic, payload } = childNotice(gateway, child.thing, action, reason);
      gateway.send(topic, payload);
    }
    if (gateway.dialect === 'enos') return;
    const data = { productKey, deviceName: deviceKey };
    gateway.send(`/ext/error/${gateway.productKey}/${gateway.deviceKey}`, formatReply('', 520, data, 'no session'));
  }
}
