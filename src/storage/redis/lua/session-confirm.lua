--[[ session-confirm: looks whether claims of a run still stand, and writes those again that are gone.
  KEYS 1 sessions, 2 sessions by run  ARGV 1 run, then each claim: device, epoch
  Gives for each claim: 0 it stands, 1 it was written again, 2 another run has the session ]]
local answer = {}
for i = 2, #ARGV, 2 do
  local held = redis.call('HGET', KEYS[1], ARGV[i])
  if not held then
    redis.call('HSET', KEYS[1], ARGV[i], string.format('%s %s 0', ARGV[1], ARGV[i + 1]))
    redis.call('ZADD', KEYS[2], 0, ARGV[1] .. '\0' .. ARGV[i])
    answer[#answer + 1] = 1
  elseif string.match(held, '^%S+') == ARGV[1] then
    answer[#answer + 1] = 0
  else
    answer[#answer + 1] = 2
  end
end
return answer
