--[[ prelude: stands before every step, so that each is done once and never late.
  KEYS 1 record of the operation  ARGV 1 deadline (ms, by the clock of Redis)
  A repeat gives the recorded answer; a step past its deadline gives the error LATE and changes nothing. ]]
local answered = redis.call('GET', KEYS[1])
if answered then
  return answered
end
local clock = redis.call('TIME')
if clock[1] * 1000 + clock[2] / 1000 > tonumber(ARGV[1]) then
  return redis.error_reply('LATE the step came after its deadline')
end
