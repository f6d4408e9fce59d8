--[[ session-fence: from now on no write of an older session of the device is taken.
  KEYS 1 marker of the device  ARGV 1 epoch
  Gives the epoch that stood there, 0 when there was none, or is no such device. ]]
local held = redis.call('GET', KEYS[1])
if held and tonumber(held) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1])
end
return held or '0'
