--[[ drop-chunks: removes whole chunks.
  KEYS 1 chunks, 2 index of the chunks
  ARGV 1 deadline; then each chunk: member of the index, number
  Gives how many samples they held that are gone now. ]]
local removed = 0
for at = 2, #ARGV, 2 do
  if redis.call('ZREM', KEYS[2], ARGV[at]) == 1 then
    redis.call('HDEL', KEYS[1], ARGV[at + 1])
    removed = removed + tonumber(string.match(ARGV[at], '%d+$'))
  end
end
return removed
