export type { Device } from '../model/device.ts';
export type { DeviceProfile } from '../profiles/index.ts';
export { createMessageCounters, type MessageCounters, OUTCOMES } from './counters.ts';
export {
  createDeviceApi,
  type DeviceApi,
  type Login,
  type LoginRefusal,
  type LoginResult,
  type ProvisionReply,
} from './device-api.ts';
export { type DefaultLimits, DeviceLimits } from './device-limits.ts';
export type { Gateway, GatewayLink, GatewayResult } from './gateway.ts';
export { GatewayLimits, type GatewayLimitTexts } from './gateway-limits.ts';
export { createSupplierGuard } from './message-context.ts';
export { createMessageRunner, type MessageRunner } from './message-runner.ts';
export { createOtaDownloads, type OtaDownload, type OtaDownloads, type OtaLookup } from './ota-downloads.ts';
export { RefusalPause } from './refusal-pause.ts';
export { type CloseReason, type DeviceLink, type Downlink, Sessions } from './sessions.ts';
export type { SubDeviceRules } from './sub-devices.ts';
export type { AttributesAnswer, Uplink, UplinkResult } from './uplink.ts';
