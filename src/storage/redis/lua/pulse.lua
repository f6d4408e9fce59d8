--[[ pulse: whether Redis takes writes and has the data of a store.
  KEYS 1 written and expires, 2 format of the store
  Gives seconds and microseconds of its clock, 1 when there is a store, else 0, and why it takes no writes, or an empty text. ]]
local clock = redis.call('TIME')
local written = redis.pcall('SET', KEYS[1], '1', 'PX', 60000)
return { clock[1], clock[2], redis.call('EXISTS', KEYS[2]), written.err or '' }
