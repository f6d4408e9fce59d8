--[[ instance-beat: a sign of life of one run; makes its inbox when there is none.
  KEYS 1 instances, 2 beats, 3 leader, 4 inbox, 5 stream for all
  ARGV 1 run, 2 what it tells of itself (JSON), 3 ms until the leader counts as gone, 4 ms that an inbox outlives its run
  Gives: 1 when the run was listed already, else 0; now (ms); 1 when it leads, else 0; all runs, each with its last sign of life ]]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local known = redis.call('ZSCORE', KEYS[2], ARGV[1]) and redis.call('EXISTS', KEYS[4]) == 1
for i = 4, 5 do
  if redis.call('EXISTS', KEYS[i]) == 0 then
    redis.call('XGROUP', 'CREATE', KEYS[i], 'none', '$', 'MKSTREAM')
    redis.call('XGROUP', 'DESTROY', KEYS[i], 'none')
  end
  redis.call('PEXPIRE', KEYS[i], ARGV[4])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], now, ARGV[1])
local leader = redis.call('GET', KEYS[3])
if not leader or leader == ARGV[1] then
  redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[3])
  leader = ARGV[1]
end
return { known and 1 or 0, now, leader == ARGV[1] and 1 or 0, redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES') }
