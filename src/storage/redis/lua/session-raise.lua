--[[ session-raise: gives a claim that stands a higher epoch, after the clock was set back.
  KEYS 1 sessions  ARGV 1 device, 2 run, 3 its epoch, 4 the higher one
  Gives 1, also for a repeat; 0 when another claim stands. ]]
local held = redis.call('HGET', KEYS[1], ARGV[1])
local run, epoch, rest = string.match(held or '', '^(%S+) (%d+) (.*)$')
if run ~= ARGV[2] or (epoch ~= ARGV[3] and epoch ~= ARGV[4]) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], run .. ' ' .. ARGV[4] .. ' ' .. rest)
return 1
