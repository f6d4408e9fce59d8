--[[ set-due: puts devices on the list of those whose silence is to be looked at, or takes them off.
  KEYS 1 devices, 2 list
  ARGV pairs: device, when (ms) or "never"; a device that there is not is taken off
  Gives how many were looked at. ]]
for at = 1, #ARGV, 2 do
  local id, due = ARGV[at], ARGV[at + 1]
  if due == 'never' or redis.call('HEXISTS', KEYS[1], id) == 0 then
    redis.call('ZREM', KEYS[2], id)
  else
    redis.call('ZADD', KEYS[2], due, id)
  end
end
return #ARGV / 2
