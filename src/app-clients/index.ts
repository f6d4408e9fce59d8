export type { AppSession, AppSessionStore, AppSubscription, QueueLimits } from '../storage/app-session-store.ts';
export type { AppTopics } from '../storage/record-stores.ts';
export type { AppSection, Sections, TransferItems } from '../storage/transfer.ts';
export { type AppIdentity, type AppLogin, type AppLogins, createAppLogins, isAppLogin } from './login.ts';
export { type AppPublisher, type AppSink, createAppPublisher, type SharedOutbox } from './publisher.ts';
export { mayHave, rightsOf } from './rights.ts';
