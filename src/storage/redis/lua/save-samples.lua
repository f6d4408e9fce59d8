--[[ save-samples: latest values and history of some entities.
  KEYS for each entity: marker, latest values, open samples
  ARGV 1 deadline; for each entity: epoch of its session or 0, number of runs, number of samples, the samples, then each run:
    time, count, "#", time, and field and text of each value of that time; runs in order of time
  Gives for each entity how many samples are open; nothing was stored: -1 there is no such entity, -2 it has a newer session. ]]
local MOST = 1000
local answer, at = {}, 2

local function call(command, key, first, last)
  local reply = 0
  for from = first, last, MOST do
    reply = redis.call(command, key, unpack(ARGV, from, math.min(last, from + MOST - 1)))
  end
  return reply
end

-- Values of an earlier time than the highest: each is compared with the one that stands.
local function compare(key, time, first, last)
  for field = first, last, 2 do
    local old = redis.call('HGET', key, ARGV[field])
    if not old or tonumber(string.match(old, '^%S+')) <= time then
      redis.call('HSET', key, ARGV[field], ARGV[field + 1])
    end
  end
end

for entity = 1, #KEYS / 3 do
  local marker, latest, open = KEYS[entity * 3 - 2], KEYS[entity * 3 - 1], KEYS[entity * 3]
  local held, epoch = redis.call('GET', marker), tonumber(ARGV[at])
  local there = held and (epoch == 0 or (tonumber(held) or tonumber(string.match(held, ' (%d+)$'))) <= epoch)
  local runs, samples = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  at = at + 3
  if not there then
    answer[entity] = held and -2 or -1
  else
    answer[entity] = call('RPUSH', open, at, at + samples - 1)
  end
  at = at + samples
  for _ = 1, runs do
    local time, count = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
    local first, last = at + 2, at + 3 + 2 * count
    if there then
      local highest = redis.call('HGET', latest, '#')
      if not highest or tonumber(highest) <= time then
        call('HSET', latest, first, last)
      else
        compare(latest, time, first + 2, last)
      end
    end
    at = last + 1
  end
end
return answer
