--[[ commit: applies writes if everything still stands that they rest on.
  KEYS 1 record of the operation, 2… keys of checks and writes, which name them by number
  ARGV 1 deadline, 2 ms to keep the record, 3 number of checks, then each check: kind, key, count of words, words;
    then each write: count of words, command, key, words
  Gives "done", or "changed" when a check failed: nothing is written then. ]]
local function words(from, count)
  local list = {}
  for i = 1, count do
    list[i] = ARGV[from + i - 1]
  end
  return list
end

local checks = {}
-- Words: field, then its text; without a text there must be no such field.
function checks.field(key, word)
  return redis.call('HGET', key, word[1]) == (word[2] or false)
end
-- Words: field, bound.
function checks.below(key, word)
  return tonumber(redis.call('HGET', key, word[1]) or 0) < tonumber(word[2])
end
-- Words: first and last member, how many at most, then the members that must be all.
function checks.range(key, word)
  local found = redis.call('ZRANGEBYLEX', key, word[1], word[2], 'LIMIT', 0, word[3])
  local same = #found == #word - 3
  for i = 1, #found do
    same = same and found[i] == word[i + 3]
  end
  return same
end
-- Words: member, 1 when it must be there, else 0.
function checks.listed(key, word)
  return (redis.call('ZSCORE', key, word[1]) and 1 or 0) == tonumber(word[2])
end
-- Words: first and last member, bound of how many there are.
function checks.fewer(key, word)
  return redis.call('ZLEXCOUNT', key, word[1], word[2]) < tonumber(word[3])
end
-- Words: field, 1 when there must be one, else 0.
function checks.has(key, word)
  return redis.call('HEXISTS', key, word[1]) == tonumber(word[2])
end

local at = 4
for _ = 1, tonumber(ARGV[3]) do
  local count = tonumber(ARGV[at + 2])
  if not checks[ARGV[at]](KEYS[tonumber(ARGV[at + 1])], words(at + 3, count)) then
    return 'changed'
  end
  at = at + 3 + count
end
while at <= #ARGV do
  local count = tonumber(ARGV[at])
  redis.call(ARGV[at + 1], KEYS[tonumber(ARGV[at + 2])], unpack(words(at + 3, count)))
  at = at + 3 + count
end
redis.call('SET', KEYS[1], 'done', 'PX', ARGV[2])
return 'done'
