import { BrokerError } from '../errors.ts';
import { type Device, isBarred } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import { DEFAULT_TYPE } from './gateway-payload.ts';
import type { RpcLink } from './rpc-queue.ts';
import type { CloseReason, DeviceLink, Downlink } from './sessions.ts';
import { SubDeviceMaker, type SubDeviceMakerParts, type SubRefusal } from './sub-device-maker.ts';
import type { Uplink } from './uplink.ts';

export interface SubDeviceParts extends SubDeviceMakerParts {
  readonly openSession: (device: Device, link: DeviceLink) => SubSession;
  /** Takes the device's session from other instances; false when a newer login is there. Undefined: there are none. */
  readonly claim: ((device: Device) => Promise<boolean>) | undefined;
  readonly uplink: (device: Device) => Uplink;
  /** Calls of the server to the device go to the link from now on; gives what ends it. */
  readonly listen: (id: DeviceId, link: RpcLink) => () => void;
}

export interface SubDeviceLink {
  /** False when the gateway does not read: the downlink was dropped. */
  send(device: Device, downlink: Downlink): boolean;
  /** Hands a call of the server over, as `RpcLink` says. */
  call(device: Device, ...call: Parameters<RpcLink['send']>): ReturnType<RpcLink['send']>;
}

interface SubSession {
  /** Something came from the device. */
  readonly seen: () => void;
  readonly close: () => void;
}

export type SubResult = { readonly kind: 'open'; readonly sub: SubDevice } | { readonly kind: SubRefusal };

type Waiter = (result: SubResult) => void;

interface Wish {
  readonly type: string;
  readonly use: Waiter;
}

/** One sub-device with its session. */
export interface SubDevice {
  readonly device: Device;
  readonly uplink: Uplink;
}

class OpenSub implements SubDevice, DeviceLink {
  readonly isSubDevice = true;
  readonly device: Device;
  readonly uplink: Uplink;
  readonly #owner: SubDevices;
  session: SubSession | undefined;
  unlisten: (() => void) | undefined;

  constructor(device: Device, uplink: Uplink, owner: SubDevices) {
    this.device = device;
    this.uplink = uplink;
    this.#owner = owner;
  }

  send(downlink: Downlink): boolean {
    return this.#owner.send(this.device, downlink);
  }

  /** The gateway is not told: its next publish for the device opens the session again (4.1). */
  close(_reason: CloseReason): void {
    this.#owner.lost(this);
  }

  /** The gateway logged in, not this device: new credentials of the device end nothing here. */
  ignores(reason: CloseReason): boolean {
    return reason === 'credentials-changed';
  }
}

/**
 * The sub-devices of one gateway connection: found or created by name, each with a session of its own. What concerns one
 * name happens in the order it was asked for, also while the device is still being created.
 */
export class SubDevices {
  readonly #gateway: Device;
  readonly #parts: SubDeviceParts;
  readonly #link: SubDeviceLink;
  readonly #maker: SubDeviceMaker;
  readonly #open = new Map<string, OpenSub>();
  readonly #opening = new Map<string, Wish[]>();
  #closed = false;

  constructor(gateway: Device, parts: SubDeviceParts, link: SubDeviceLink) {
    this.#gateway = gateway;
    this.#parts = parts;
    this.#link = link;
    this.#maker = new SubDeviceMaker(gateway, parts);
  }

  send(device: Device, downlink: Downlink): boolean {
    return this.#link.send(device, downlink);
  }

  /** Calls back with the open sub-device of that name; `type` names the profile of a new one. */
  with(name: string, type: string, use: Waiter): void {
    const opening = this.#opening.get(name);
    if (opening) {
      opening.push({ type, use });
      return;
    }
    const sub = this.#open.get(name);
    if (sub) {
      sub.session?.seen();
      use({ kind: 'open', sub });
    } else if (this.#open.size + this.#opening.size >= this.#parts.rules.max) use({ kind: 'limit' });
    else this.#start(name, [{ type, use }]);
  }

  /** Closes the sub-device's session; calls back when everything asked before is on its way. */
  disconnect(name: string, done: () => void): void {
    const opening = this.#opening.get(name);
    const close = (): void => {
      const sub = this.#open.get(name);
      if (sub) this.lost(sub);
      done();
    };
    if (opening) opening.push({ type: DEFAULT_TYPE, use: close });
    else close();
  }

  /** Something came from the gateway that counts for all of them. */
  seen(): void {
    for (const sub of this.#open.values()) sub.session?.seen();
  }

  /** Ends the session, or hears that it has been taken over. */
  lost(sub: OpenSub): void {
    if (this.#open.get(sub.device.name) === sub) this.#open.delete(sub.device.name);
    this.#end(sub);
  }

  /** Ends all sessions; what is still being opened is used once more, without a session. */
  close(): void {
    this.#closed = true;
    const all = [...this.#open.values()];
    this.#open.clear();
    for (const sub of all) this.#end(sub);
  }

  get size(): number {
    return this.#open.size;
  }

  #start(name: string, wishes: Wish[]): void {
    this.#opening.set(name, wishes);
    void this.#find(name, wishes[0]?.type ?? DEFAULT_TYPE).then((result) => this.#serve(name, wishes, result));
  }

  /** The name stays in `#opening` meanwhile, so that a wish that comes up now queues behind the others. */
  #serve(name: string, wishes: Wish[], result: SubResult): void {
    let next = wishes.shift();
    while (next) {
      next.use(result);
      const gone = result.kind === 'open' && !this.#closed && this.#open.get(name) !== result.sub;
      if (gone && wishes.length > 0) {
        this.#start(name, wishes);
        return;
      }
      next = wishes.shift();
    }
    this.#opening.delete(name);
  }

  async #find(name: string, type: string): Promise<SubResult> {
    const { limits, log, registry } = this.#parts;
    const gateway = this.#gateway.id;
    try {
      if (!limits.takeMessage(gateway)) return { kind: 'rate-limited' };
      let device = await registry.deviceByName(name);
      if (device === undefined) {
        const created = await this.#maker.create(name, type);
        if (typeof created !== 'string') return await this.#claimAndOpen(created);
        if (created !== 'name-taken') return { kind: created };
        device = await registry.deviceByName(name);
        if (device === undefined) return { kind: 'failed' };
      }
      if (!(await this.#mayUse(device))) return { kind: 'not-yours' };
      if (isBarred(device)) return { kind: 'refused' };
      if (this.#parts.profiles().byName(device.profile) === undefined) {
        log.warn({ event: 'login.no-profile', device: device.id, profile: device.profile }, 'device profile is gone');
        return { kind: 'refused' };
      }
      if (device.lastConnectedGateway !== gateway) await registry.connectedThrough(device.id, gateway);
      return await this.#claimAndOpen({ ...device, lastConnectedGateway: gateway });
    } catch (error) {
      log.error({ event: 'gateway.sub-device', gateway, err: BrokerError.from(error) }, 'sub-device not opened');
      return { kind: 'failed' };
    }
  }

  async #claimAndOpen(device: Device): Promise<SubResult> {
    const { claim } = this.#parts;
    if (claim && !(await claim(device))) return { kind: 'failed' };
    return { kind: 'open', sub: this.#openSub(device) };
  }

  async #mayUse(device: Device): Promise<boolean> {
    if (device.id === this.#gateway.id) return false;
    if (this.#parts.rules.scope === 'any') return true;
    const relations = await this.#parts.assets.relationsTo({ entityType: 'DEVICE', id: device.id });
    return relations.some(({ from }) => from.id === this.#gateway.id);
  }

  #openSub(device: Device): SubDevice {
    const sub = new OpenSub(device, this.#parts.uplink(device), this);
    if (this.#closed) return sub;
    this.#open.set(device.name, sub);
    sub.session = this.#parts.openSession(device, sub);
    sub.unlisten = this.#parts.listen(device.id, {
      send: (call, acknowledged) => this.#link.call(device, call, acknowledged),
    });
    return sub;
  }

  #end(sub: OpenSub): void {
    sub.unlisten?.();
    sub.session?.close();
  }
}
