--[[ session-orphans: takes sessions of a run out that has given no sign of life for long.
  KEYS 1 sessions, 2 sessions by run, 3 beats  ARGV 1 run, 2 ms of silence, then devices
  Gives for each session that is out now: device, epoch, former run and its epoch or two empty texts. A device that has no
    session at all counts too, since a repeat finds it so. ]]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local seen = redis.call('ZSCORE', KEYS[3], ARGV[1])
if seen and now - tonumber(seen) < tonumber(ARGV[2]) then
  return {}
end
local answer = {}
for i = 3, #ARGV do
  local held = redis.call('HGET', KEYS[1], ARGV[i])
  local run, epoch, former, formerEpoch = ARGV[1], '0', '', ''
  if held then
    run, epoch, former, formerEpoch = string.match(held, '^(%S+) (%d+) %d+ ?(%S*) ?(%S*)$')
  end
  if run == ARGV[1] then
    redis.call('HDEL', KEYS[1], ARGV[i])
    for _, word in ipairs({ ARGV[i], epoch, former, formerEpoch }) do
      answer[#answer + 1] = word
    end
  end
  redis.call('ZREM', KEYS[2], ARGV[1] .. '\0' .. ARGV[i])
end
return answer
