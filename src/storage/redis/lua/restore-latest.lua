--[[ restore-latest: sets latest values that are missing; those that have come meanwhile stay.
  KEYS 1 latest values  ARGV 1 deadline; then of each: field, text
  Without other latest values the entity may be gone: nothing is set then. ]]
if redis.call('HEXISTS', KEYS[1], '#') == 1 then
  for at = 2, #ARGV, 2 do
    redis.call('HSETNX', KEYS[1], ARGV[at], ARGV[at + 1])
  end
end
return 1
