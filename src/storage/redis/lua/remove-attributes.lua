--[[ remove-attributes: once.
  KEYS 1 record of the operation, 2 attributes of one scope
  ARGV 1 deadline, 2 ms to keep the record; then the fields
  Gives the places of those that existed, from 1 on, each with a comma. ]]
local removed = ''
for at = 3, #ARGV do
  if redis.call('HDEL', KEYS[2], ARGV[at]) == 1 then
    removed = removed .. (at - 2) .. ','
  end
end
redis.call('SET', KEYS[1], removed, 'PX', ARGV[2])
return removed
