--[[ save-attributes: attributes of some entities.
  KEYS for each entity: marker, attributes of one scope
  ARGV 1 deadline; for each entity: epoch of its session or 0, time, "all" or "changes" or "new" (whatever the marker says), count,
    then field and text of each, no field twice
  Gives for each entity the places of the written ones, from 1 on, each with a comma; nothing was stored: "gone" there is no such
    entity, "stale" it has a newer session. ]]
local MOST = 1000
local answer, at = {}, 2

-- Writes those at the places from first to last, at most MOST.
local function save(key, time, mode, base, first, last, written)
  local fields, words, new = {}, {}, {}
  for place = first, last do
    fields[#fields + 1] = ARGV[base + 2 * place]
  end
  local standing = redis.call('HMGET', key, unpack(fields))
  for index, field in ipairs(fields) do
    local place = first + index - 1
    local text = ARGV[base + 1 + 2 * place]
    local number, former, old
    if standing[index] then
      number, former, old = string.match(standing[index], '^(%d+) (%S+) (.*)$')
    end
    -- The same text of the same time is this very write, sent once more.
    if not (mode == 'changes' and old == text and former ~= time) then
      words[#words + 1] = field
      words[#words + 1] = (number or '') .. ' ' .. time .. ' ' .. text
      if not number then
        new[#new + 1] = #words
      end
      written[#written + 1] = place .. ','
    end
  end
  local number = #new > 0 and redis.call('HINCRBY', key, '#', #new) - #new
  for index, word in ipairs(new) do
    words[word] = string.format('%d', number + index) .. words[word]
  end
  if #words > 0 then
    redis.call('HSET', key, unpack(words))
  end
end

for entity = 1, #KEYS / 2 do
  local epoch, time, mode, count = tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
  local marker = redis.call('GET', KEYS[entity * 2 - 1])
  local there = mode == 'new' or marker and (epoch == 0 or (tonumber(marker) or tonumber(string.match(marker, ' (%d+)$'))) <= epoch)
  local written = {}
  for first = 1, there and count or 0, MOST do
    save(KEYS[entity * 2], time, mode, at + 2, first, math.min(count, first + MOST - 1), written)
  end
  answer[entity] = there and table.concat(written) or marker and 'stale' or 'gone'
  at = at + 4 + 2 * count
end
return answer
