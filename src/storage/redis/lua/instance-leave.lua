--[[ instance-leave: takes a run out of the list.
  KEYS 1 instances, 2 beats, 3 leader  ARGV 1 run
  Gives 1 when it was listed, else 0 ]]
if redis.call('GET', KEYS[3]) == ARGV[1] then
  redis.call('DEL', KEYS[3])
end
redis.call('HDEL', KEYS[1], ARGV[1])
return redis.call('ZREM', KEYS[2], ARGV[1])
