--[[ replace-chunk: puts a chunk in the place of one of the same number, or nothing.
  KEYS 1 chunks, 2 index of the chunks
  ARGV 1 deadline, 2 member of the index, 3 its number, 4 its packed samples; then of the new one: packed samples, first time,
    member
  Gives 1; 0 when the chunk is not as it was, and nothing is changed. ]]
if redis.call('HGET', KEYS[1], ARGV[3]) ~= ARGV[4] or redis.call('ZREM', KEYS[2], ARGV[2]) == 0 then
  return 0
end
if ARGV[5] then
  redis.call('HSET', KEYS[1], ARGV[3], ARGV[5])
  redis.call('ZADD', KEYS[2], ARGV[6], ARGV[7])
else
  redis.call('HDEL', KEYS[1], ARGV[3])
end
return 1
