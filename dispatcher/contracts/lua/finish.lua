-- finish: the outcome of one message; the job ends in this script when nobody is pending.
-- pre:  the token is the job's; the job is being sent, or `unknown` and this is the late answer.
-- post: fates are recorded; if the job ended: no payload, a final record, one more in a cell.
-- ARGV: id token changes why expired cls code esc phase permanent warn    gives: the state, or '' when the job is another's
local AGAIN_AFTER, NEXT_MESSAGE = 60000, 30000
local now = clock()
local id = ARGV[1]
local job = read(id)
if job.tok ~= ARGV[2] or (job.st ~= 'sending' and job.st ~= 'committing' and job.st ~= 'unknown') then
  return ''
end
local before = { cls = job.cls, phase = job.phase, dclass = job.dclass, lane = job.lane }
job.fates = merge(job.fates, ARGV[3])
job.why = ARGV[4] ~= '' and ((job.why and job.why .. ',' or '') .. ARGV[4]) or job.why
if ARGV[6] ~= '' or verdict(job.fates) == 'sent' then
  job.cls, job.code, job.esc, job.phase, job.perm = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
end
job.warn = ARGV[11] ~= '' and ARGV[11] or job.warn
local again = job.on_unknown == 'retry' and job.st ~= 'unknown' and ARGV[5] ~= '1' and job.fates:find('u')
if again then
  job.fates, job.dot, job.perm = job.fates:gsub('u', 'p'), '1', '0'
end
if ARGV[6] == '' and not job.fates:find('[pfu]') and verdict(job.fates) ~= 'sent' and job.why then
  local refused = job.why:match(':([%a_]+)')  -- of what is over by now the record tells no more
  if refused ~= job.cls then
    job.cls, job.code, job.esc, job.phase, job.perm = refused, nil, nil, nil, '1'
  end
end
write(id, job, { 'fates', 'why', 'cls', 'code', 'esc', 'phase', 'perm', 'dot', 'warn' })
if job.st == 'unknown' then
  count(before, 'unknown', now, -1)
  return close(id, job, verdict(job.fates), now)
elseif ARGV[5] == '1' then
  return expire(id, job, now)
elseif again then
  redis.call('HSET', key('job', id), 'st', 'deferred', 'upd', now)
  redis.call('ZADD', key('sched'), math.min(now + AGAIN_AFTER, tonumber(job.deadline)), id)
  return 'deferred'
elseif job.fates:find('[pf]') then
  redis.call('HSET', key('job', id), 'st', 'sending', 'upd', now, 'lease', now + NEXT_MESSAGE)
  redis.call('ZADD', key('sched'), now + NEXT_MESSAGE, id)
  return 'sending'
end
return close(id, job, verdict(job.fates), now)
