// The class that aedes-persistence 10.3.1 has and does not type; `persistence.ts` says what it is.
declare module 'aedes-persistence/asyncPersistence.js' {
  const MemoryPersistence: unknown;
  export default MemoryPersistence;
}
