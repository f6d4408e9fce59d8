--[[ save-attributes: attributes of some entities.
  KEYS for each entity: marker, attributes of one scope
  ARGV 1 deadline; for each entity: epoch of its session or 0, time, "all" or "changes" or "new" (whatever the marker says), count,
    then field and text of each
  Gives for each entity the places of the written ones, from 1 on, each with a comma; nothing was stored: "gone" there is no such
    entity, "stale" it has a newer session. ]]
local answer, at = {}, 2
for entity = 1, #KEYS / 2 do
  local key = KEYS[entity * 2]
  local epoch, time, mode, count = tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
  local newest = redis.call('GET', KEYS[entity * 2 - 1])
  local there = mode == 'new' or newest and (epoch == 0 or tonumber(newest) <= epoch)
  at = at + 1
  local written = {}
  for place = 1, there and count or 0 do
    local field, text = ARGV[at + 1 + 2 * place], ARGV[at + 2 + 2 * place]
    local number, former, standing
    local old = redis.call('HGET', key, field)
    if old then
      number, former, standing = string.match(old, '^(%d+) (%S+) (.*)$')
    end
    -- The same text of the same time is this very write, sent once more.
    if not (mode == 'changes' and standing == text and former ~= time) then
      number = number or redis.call('HINCRBY', key, '#', 1)
      redis.call('HSET', key, field, number .. ' ' .. time .. ' ' .. text)
      written[#written + 1] = place .. ','
    end
  end
  answer[entity] = there and table.concat(written) or newest and 'stale' or 'gone'
  at = at + 3 + 2 * count
end
return answer
