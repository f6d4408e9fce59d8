--[[ seal: moves open samples into chunks, without those that are to go.
  KEYS 1 marker, 2 open samples, 3 chunks, 4 index of the chunks
  ARGV 1 deadline, 2 the last number of a chunk, 3 number of samples that were read, 4 longest time that one of these spans;
    then each chunk: its packed samples, first time, last time, count
  Gives "done", or "changed" when others have moved samples, or the entity is gone: nothing is changed then. ]]
if redis.call('EXISTS', KEYS[1]) == 0 or (redis.call('HGET', KEYS[3], '#') or '0') ~= ARGV[2] then
  return 'changed'
end
local number = tonumber(ARGV[2])
for at = 5, #ARGV, 4 do
  number = number + 1
  redis.call('HSET', KEYS[3], number, ARGV[at])
  redis.call('ZADD', KEYS[4], ARGV[at + 1], number .. ':' .. ARGV[at + 2] .. ':' .. ARGV[at + 3])
end
if tonumber(redis.call('HGET', KEYS[3], 's') or 0) < tonumber(ARGV[4]) then
  redis.call('HSET', KEYS[3], 's', ARGV[4])
end
-- Also when nothing is left: who has read the samples before must not move them.
redis.call('HSET', KEYS[3], '#', #ARGV > 4 and number or number + 1)
redis.call('LTRIM', KEYS[2], ARGV[3], -1)
return 'done'
