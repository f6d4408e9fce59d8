--[[ deadline: stands before scripts that may run twice, but not late.
  ARGV 1 deadline (ms, by the clock of Redis)
  Past it the answer is the error LATE, and nothing changes. ]]
local clock = redis.call('TIME')
if clock[1] * 1000 + clock[2] / 1000 > tonumber(ARGV[1]) then
  return redis.error_reply('LATE the step came after its deadline')
end
