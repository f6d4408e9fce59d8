--[[ session-claim: the session of a device is this run's from now on; of two claims the later one holds.
  KEYS 1 sessions, 2 sessions by run  ARGV 1 device, 2 run, 3 number of the claim in this run
  Gives: epoch, then the run that had it and its epoch when that was another one. A repeat gives the same. ]]
local held = redis.call('HGET', KEYS[1], ARGV[1])
local run, epoch, number, former, formerEpoch
if held then
  run, epoch, number, former, formerEpoch = string.match(held, '^(%S+) (%d+) (%d+) ?(%S*) ?(%S*)$')
end
if run == ARGV[2] and number == ARGV[3] then
  return former == '' and { epoch } or { epoch, former, formerEpoch }
end
local clock = redis.call('TIME')
local mine = clock[1] * 1000000 + clock[2]
if epoch then
  mine = math.max(mine, tonumber(epoch) + 1)
end
local text = string.format('%s %.0f %s', ARGV[2], mine, ARGV[3])
local answer = { string.format('%.0f', mine) }
if run and run ~= ARGV[2] then
  redis.call('ZREM', KEYS[2], run .. '\0' .. ARGV[1])
  text = text .. ' ' .. run .. ' ' .. epoch
  answer[2] = run
  answer[3] = epoch
end
redis.call('HSET', KEYS[1], ARGV[1], text)
redis.call('ZADD', KEYS[2], 0, ARGV[2] .. '\0' .. ARGV[1])
return answer
