import type { Page, PageQuery } from '../model/entity.ts';
import type { CustomerId, DeviceId } from '../model/ids.ts';

/** Who devices are claimed for. */
export interface Customer {
  readonly id: CustomerId;
  /** Unique. */
  readonly title: string;
  readonly createdAt: number;
}

/** A device's word that whoever knows the secret may have it, until then. */
export interface ClaimRegistration {
  /** Keyed hash of the secret. */
  readonly secretHash: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/**
 * Customers, whose device is whose, and the registrations of devices that may be claimed: at most one a device, gone with it.
 * Promises of writes settle after the write is durable.
 */
export interface CustomerStore {
  createCustomer(customer: Customer): Promise<'created' | 'title-taken'>;
  customer(id: CustomerId): Promise<Customer | undefined>;
  customerByTitle(title: string): Promise<Customer | undefined>;
  /** Creates the customer, or gives the existing one of that title (`created` false). Atomic. */
  ensureCustomer(customer: Customer): Promise<{ readonly customer: Customer; readonly created: boolean }>;
  /** Ordered by the UTF-8 bytes of the title. */
  customers(query: PageQuery): Promise<Page<Customer>>;
  /** The customer that has the device or asset. */
  customerOf(entityId: string): Promise<CustomerId | undefined>;
  /** Atomic: stores the registration unless one that has not expired stands, or the device has a customer or is unknown. */
  register(deviceId: DeviceId, registration: ClaimRegistration, now: number): Promise<boolean>;
  /** Also one that has expired. */
  registration(deviceId: DeviceId): Promise<ClaimRegistration | undefined>;
  dropRegistration(deviceId: DeviceId): Promise<void>;
  /** Atomic: gives the device to the customer and drops its registration, unless it has a customer already. */
  assign(deviceId: DeviceId, customerId: CustomerId): Promise<'assigned' | 'owned' | 'unknown'>;
  /** Atomic: gives the device or asset to the customer, whoever had it, and drops the registration of a device. */
  give(entityId: string, customerId: CustomerId): Promise<'given' | 'unchanged' | 'unknown'>;
  /** False when the device or asset has no customer. */
  unassign(entityId: string): Promise<boolean>;
}
