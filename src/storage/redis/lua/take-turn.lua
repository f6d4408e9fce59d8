--[[ take-turn: of those who ask at once one gets its turn.
  KEYS 1 whose turn it is  ARGV 1 who asks, 2 ms after which the turn ends by itself, 0: it is done
  Gives 1 when it is its turn, or was, else 0. A repeat gives the same. ]]
local holder = redis.call('GET', KEYS[1])
if ARGV[2] ~= '0' and not holder then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
elseif holder ~= ARGV[1] then
  return 0
elseif ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
end
return 1
