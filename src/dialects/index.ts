export { type Channel, createChannel } from './channel.ts';
export { createThingSession, type ThingSession, type ThingVerdict } from './thing-session.ts';
