--[[ claim-device: writes an attribute that a device does not have yet, once.
  KEYS 1 record of the operation, 2 marker of the device, 3 its server attributes
  ARGV 1 deadline, 2 ms to keep the record, 3 field, 4 time (ms) and text of the value
  Gives "claimed"; "taken" when there is such an attribute, whatever it holds; "gone" when there is no marker. ]]
if redis.call('EXISTS', KEYS[2]) == 0 then
  return 'gone'
end
if redis.call('HEXISTS', KEYS[3], ARGV[3]) == 1 then
  return 'taken'
end
redis.call('HSET', KEYS[3], ARGV[3], redis.call('HINCRBY', KEYS[3], '#', 1) .. ' ' .. ARGV[4])
redis.call('SET', KEYS[1], 'claimed', 'PX', ARGV[2])
return 'claimed'
