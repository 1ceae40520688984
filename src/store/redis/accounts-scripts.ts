/**
 * KEYS[1] is a hash of documents by name, and under `epoch` the time of its first write; KEYS[2] a stream of the names that
 * changed; KEYS[3] the audit log, a stream whose entries' ids begin with their number. Only the second is ever trimmed. A
 * removed document begins with the time of its removal. All may write without memory: a key must be revocable.
 */
const WRITE = `
local function write (name, document)
  local time = redis.call('TIME')
  redis.call('HSETNX', KEYS[1], 'epoch', time[1] .. '.' .. time[2])
  redis.call('HSET', KEYS[1], name, document)
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', '10000', '*', 'name', name)
end
local function revision (name)
  local document = redis.call('HGET', KEYS[1], name)
  return document and cjson.decode(document).revision or 0
end`

/**
 * The head of the audit log is the number that was given last, also where its entry was taken away, and the hash of the last
 * entry that is there. Whoever adds one says on which head it follows; where that is another by now, it is told.
 */
const AUDIT = `
local function head ()
  if redis.call('EXISTS', KEYS[3]) == 0 then return '0', '' end
  local seq = '0'
  local info = redis.call('XINFO', 'STREAM', KEYS[3])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then seq = string.match(info[i + 1], '^%d+') end
  end
  local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
  return seq, last and string.match(last[2][2], '"hash":"(%x+)"}$') or ''
end
local function chain (seq, entry)
  redis.call('XADD', KEYS[3], string.format('%d-0', seq + 1), 'entry', entry)
  return {'written'}
end`

/** ARGV: the age from which removals are forgotten. Gives all names and documents, the epoch among them, and the last change. */
export const LOAD = `#!lua flags=allow-oom
local now = redis.call('TIME')
local oldest = now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[1]
local all = redis.call('HGETALL', KEYS[1])
local kept = {}
for i = 1, #all, 2 do
  local removed = string.match(all[i + 1], '^{"removedMs":(%d+)')
  if removed and tonumber(removed) < oldest then
    redis.call('HDEL', KEYS[1], all[i])
  else
    kept[#kept + 1] = all[i]
    kept[#kept + 1] = all[i + 1]
  end
end
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
return {kept, last and last[1] or '0-0'}`

/**
 * ARGV: epoch and change of the cursor, most changes. The cursor's own change must still be in the stream: where it is not,
 * it was either trimmed away, or writes were lost and others have come in their place.
 */
export const CHANGES = `#!lua flags=no-writes
if (redis.call('HGET', KEYS[1], 'epoch') or '') ~= ARGV[1] then return {'lost'} end
local entries = redis.call('XRANGE', KEYS[2], ARGV[2], '+', 'COUNT', ARGV[3] + 1)
if #entries == 0 then return ARGV[2] == '0-0' and {'changes', '0-0', {}} or {'lost'} end
if entries[1][1] ~= ARGV[2] then
  local before = redis.call('XRANGE', KEYS[2], '-', ARGV[2], 'COUNT', 1)
  return {#before == 0 and 'gap' or 'lost'}
end
local changed = {}
for i = 2, #entries do
  local name = entries[i][2][2]
  local document = redis.call('HGET', KEYS[1], name)
  if document then
    changed[#changed + 1] = name
    changed[#changed + 1] = document
  end
end
return {'changes', entries[#entries][1], changed}`

/**
 * ARGV: number and hash of the head that the audit entry follows on, the entry, then the document's name, revision and text,
 * the name of a team that must be there or '', the id of a team that must have no documents or ''.
 */
export const PUT = `#!lua flags=allow-oom
${WRITE}
${AUDIT}
local known = revision(ARGV[4])
if known ~= 0 and known ~= ARGV[5] - 1 then return {'changed'} end
if ARGV[7] ~= '' then
  local team = redis.call('HGET', KEYS[1], ARGV[7])
  if not team or string.find(team, '^{"removedMs"') then return {'team_gone'} end
end
if ARGV[8] ~= '' then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if all[i] ~= 'epoch' then
      local document = cjson.decode(all[i + 1]).document
      if document and document.team == ARGV[8] then return {'has_members'} end
    end
  end
end
local seq, hash = head()
if seq ~= ARGV[1] or hash ~= ARGV[2] then return {'head', seq, hash} end
write(ARGV[4], ARGV[6])
return chain(seq, ARGV[3])`

/** ARGV: number and hash of the head, the audit entry. */
export const APPEND = `#!lua flags=allow-oom
${AUDIT}
local seq, hash = head()
if seq ~= ARGV[1] or hash ~= ARGV[2] then return {'head', seq, hash} end
return chain(seq, ARGV[3])`

/** ARGV: name, revision and document, again and again. */
export const RESTORE = `#!lua flags=allow-oom
${WRITE}
for i = 1, #ARGV, 3 do
  if revision(ARGV[i]) < tonumber(ARGV[i + 1]) then write(ARGV[i], ARGV[i + 2]) end
end
return 'restored'`
