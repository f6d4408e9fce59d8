--[[ session-release: gives a claim back, unless a newer one stands.
  KEYS 1 sessions, 2 sessions by run  ARGV 1 device, 2 run, 3 epoch
  Gives 0 when another claim stands, else 1: also for a repeat. ]]
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held then
  local run, epoch = string.match(held, '^(%S+) (%d+)')
  if run ~= ARGV[2] or epoch ~= ARGV[3] then
    return 0
  end
  redis.call('HDEL', KEYS[1], ARGV[1])
end
redis.call('ZREM', KEYS[2], ARGV[2] .. '\0' .. ARGV[1])
return 1
