--[[ write-documents: makes all changes, or none when another version stands than one of them expects.
  KEYS 1 record of the operation, 2 documents, 3 their order, 4 their ends
  ARGV 1 deadline, 2 ms to keep the record, 3 now (ms), then of each change: place, version that must stand (0: none;
    empty: any), end (ms; empty: none), "put" or "remove", text
  Gives "done", or "changed": nothing is written then. A few documents that have expired are removed, too. ]]
local now = tonumber(ARGV[3])

local function remove(place)
  redis.call('HDEL', KEYS[2], place)
  redis.call('ZREM', KEYS[3], place)
  redis.call('ZREM', KEYS[4], place)
end

for _, place in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, 16)) do
  remove(place)
end

local versions = {}
for at = 4, #ARGV, 5 do
  local packed = redis.call('HGET', KEYS[2], ARGV[at])
  local version, ends = string.match(packed or '', '^(%d+) (%d*) ')
  if not version or (ends ~= '' and tonumber(ends) <= now) then
    version = 0
  end
  versions[at] = tonumber(version)
  if ARGV[at + 1] ~= '' and tonumber(ARGV[at + 1]) ~= versions[at] then
    return 'changed'
  end
end
for at = 4, #ARGV, 5 do
  local place, ends = ARGV[at], ARGV[at + 2]
  remove(place)
  if ARGV[at + 3] == 'put' then
    redis.call('HSET', KEYS[2], place, string.format('%d', versions[at] + 1) .. ' ' .. ends .. ' ' .. ARGV[at + 4])
    redis.call('ZADD', KEYS[3], 0, place)
    if ends ~= '' then
      redis.call('ZADD', KEYS[4], ends, place)
    end
  end
end
redis.call('SET', KEYS[1], 'done', 'PX', ARGV[2])
return 'done'
