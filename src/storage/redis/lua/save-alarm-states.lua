--[[ save-alarm-states: states of alarm rules, those of known devices.
  KEYS 1 devices, 2 states, 3 index of the states, 4 those with a time
  ARGV 1 deadline; then of each: device, field, state, time or nothing ]]
for at = 2, #ARGV, 4 do
  local field = ARGV[at + 1]
  if redis.call('HEXISTS', KEYS[1], ARGV[at]) == 1 then
    redis.call('HSET', KEYS[2], field, ARGV[at + 2])
    redis.call('ZADD', KEYS[3], 0, field)
    if ARGV[at + 3] == '' then
      redis.call('ZREM', KEYS[4], field)
    else
      redis.call('ZADD', KEYS[4], ARGV[at + 3], field)
    end
  end
end
return 1
