--[[ session-fence: from now on no write of an older session of the device is taken, but of those that the same run had without a
    break. The marker says "newest" or "newest oldest", the epochs of the newest session and of the oldest one that may write.
  KEYS 1 marker of the device  ARGV 1 epoch, 2 the oldest that may write, as this run left it, or 0
  Gives the marker that stood there, "0" when there was none, or is no such device. ]]
local held = redis.call('GET', KEYS[1])
local newest, oldest = string.match(held or '', '^(%d+) ?(%d*)$')
if newest and tonumber(newest) < tonumber(ARGV[1]) then
  local kept = ARGV[2] == (oldest == '' and newest or oldest)
  redis.call('SET', KEYS[1], kept and ARGV[1] .. ' ' .. ARGV[2] or ARGV[1])
end
return held or '0'
