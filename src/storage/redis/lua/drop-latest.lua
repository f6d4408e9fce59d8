--[[ drop-latest: removes latest values that are still the ones that were read.
  KEYS 1 latest values  ARGV 1 deadline; then of each: field, text ]]
for at = 2, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[at]) == ARGV[at + 1] then
    redis.call('HDEL', KEYS[1], ARGV[at])
  end
end
return 1
