--[[ count-older: what an entity has from before a time, without changing it.
  KEYS 1 open samples, 2 index of the chunks  ARGV 1 the time
  Gives the number of chunks that begin before it, and of open samples. ]]
local older = 0
for _, sample in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  if tonumber(string.match(sample, '^%S+')) < tonumber(ARGV[1]) then
    older = older + 1
  end
end
return { redis.call('ZCOUNT', KEYS[2], '-inf', '(' .. ARGV[1]), older }
