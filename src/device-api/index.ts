export type { Device } from '../model/device.ts';
export type { DeviceProfile, FittedCall } from '../profiles/index.ts';
export { timestamp as readTime } from '../telemetry/payload.ts';
export { createAlarmAccess } from './alarm-access.ts';
export { announceAlarms } from './alarm-events.ts';
export { type AlarmTimer, startAlarmTimer } from './alarm-timer.ts';
export type { AppOutlet } from './app-outlet.ts';
export { type CallRoutes, createCallRoutes } from './call-routes.ts';
export { createCarriedReplies } from './carried-replies.ts';
export { sealClaimingData } from './claiming-data.ts';
export { type ClaimOutcome, type Claims, createClaims } from './claims.ts';
export type { OpenSession } from './connected-session.ts';
export {
  type Connectivity,
  type ConnectivityOptions,
  createConnectivity,
  type StateElsewhere,
} from './connectivity.ts';
export {
  createMessageCounters,
  MESSAGE_KINDS,
  type MessageCounters,
  OUTCOMES,
  type ProfileCounters,
  sumOfProfiles,
} from './counters.ts';
export { createDeviceApi, type DeviceApi, type RegistrationReply } from './device-api.ts';
export { createDeviceConfigs, type DeviceConfig, type DeviceConfigs } from './device-configs.ts';
export { createDeviceFiles, type DeviceFile, type DeviceFiles } from './device-files.ts';
export { type DefaultLimits, DeviceLimits } from './device-limits.ts';
export { createEntityAccess, type EntityAccess } from './entity-access.ts';
export {
  createdEvent,
  customerOriginator,
  deviceOriginator,
  type EntityEvent,
  TENANT_ORIGINATOR,
} from './entity-makers.ts';
export { type ExplainOptions, ExplainRing, type Explanation } from './explain-ring.ts';
export type { Gateway, GatewayLink, GatewayResult } from './gateway.ts';
export { GatewayLimits, type GatewayLimitTexts } from './gateway-limits.ts';
export { formatSubAttributes, formatSubCall, formatSubDisconnect, formatSubUpdate } from './gateway-replies.ts';
export { InstanceLimits } from './instance-limits.ts';
export { tellForgotten } from './letter-box.ts';
export { claimLetters } from './letter-claims.ts';
export type { ClientCertificate, HttpLogin, Login, LoginRefusal, LoginResult, ThingIdentity } from './login.ts';
export { type LongPollLimits, LongPolls, type PollEnd } from './long-polls.ts';
export { createMessageRunner, type LetterRetry, type MessageRunner } from './message-runner.ts';
export { createOtaDownloads, type OtaDownload, type OtaDownloads, type OtaLookup } from './ota-downloads.ts';
export {
  type AlarmsElsewhere,
  alarmsElsewhere,
  ownsMessage,
  stateElsewhere,
  type TellOthers,
  tellOthersBy,
} from './other-instances.ts';
export type { Presence } from './presence.ts';
export { type PayloadForm, readProvisionRequest } from './protobuf-payloads.ts';
export {
  encodeAttributesAnswer,
  encodeAttributesUpdate,
  encodeCall,
  encodeProvisionAnswer,
  encodeRpcAnswer,
  misfitAnswer,
  sendsProtobuf,
} from './protobuf-replies.ts';
export type { ProvisionReply } from './provision-requests.ts';
export { Recorder, type RecordingState } from './recorder.ts';
export { RefusalPause } from './refusal-pause.ts';
export { createRestRequests, type RestRequests } from './rest-requests.ts';
export { createRpc, type Rpc, type RpcOptions, type RpcRequest } from './rpc.ts';
export { createRpcEffects } from './rpc-effects.ts';
export { announceRpcs, describeRpc } from './rpc-events.ts';
export { formatCall, formatCallWithId } from './rpc-poll.ts';
export type { CallToDevice, RpcLink, RpcOutcome } from './rpc-queue.ts';
export type { CallResult, RpcUplink } from './rpc-uplink.ts';
export { createServerRpc } from './server-rpc.ts';
export { type ApiRequest, createServiceApi, type ServiceApi, type ServiceReply } from './service-api.ts';
export { SessionClaims } from './session-claims.ts';
export type { FrontLimits } from './session-limits.ts';
export { type CloseReason, type DeviceLink, type Downlink, type OpenSessions, Sessions } from './sessions.ts';
export type { SubDeviceRules } from './sub-device-maker.ts';
export { createSupplierGuard } from './supplier-lookup.ts';
export type { ChildLogin, ChildName, ChildResult, ChildVerified } from './thing-children.ts';
export type { RegistrationForm } from './thing-registration.ts';
export type { Things } from './things.ts';
export { watchTimeouts } from './timeout-watch.ts';
export type { AttributesAnswer, Uplink, UplinkEvent, UplinkPart, UplinkResult } from './uplink.ts';
export { WriteFence } from './write-fence.ts';
