--[[ put-outbox: keeps what is to be told, unless it is there.
  KEYS 1 items, 2 their order  ARGV 1 deadline, 2 id, 3 bytes ]]
if redis.call('HSETNX', KEYS[1], ARGV[2], ARGV[3]) == 1 then
  redis.call('ZADD', KEYS[2], 0, ARGV[2])
end
return 1
