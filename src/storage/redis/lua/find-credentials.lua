--[[ find-credentials: the device that has credentials of this index, and all that it has.
  KEYS 1 credentials by index, 2 credentials  ARGV 1 index, 2 a device that is read in vain when there are none, or empty
  Gives id or an empty text, then the record or an empty text. ]]
local id = redis.call('HGET', KEYS[1], ARGV[1])
return { id or '', redis.call('HGET', KEYS[2], id or ARGV[2]) or '' }
