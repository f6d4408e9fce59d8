// Classes that aedes-persistence 10.3.1 and aedes-persistence-redis 11.2.2 have and do not type; `persistence.ts` says what they are.
declare module 'aedes-persistence/asyncPersistence.js' {
  const MemoryPersistence: unknown;
  export default MemoryPersistence;
}

declare module 'aedes-persistence-redis/asyncPersistence.js' {
  const RedisPersistence: unknown;
  export default RedisPersistence;
}
