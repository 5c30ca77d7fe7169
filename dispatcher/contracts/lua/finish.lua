-- finish: the outcome of one message; the job ends in this script when nobody is pending.
-- pre:  the token is the job's; the job is being sent, or `unknown` and this is the late answer.
-- post: fates are recorded; if the job ended: no payload, a final record, one more in a cell. What was told before under the same `call`,
--       since its answer was lost, is not told twice.
-- ARGV: {id token call changes why expired cls code esc phase reply perm warn tries contact receipt} courtesy sealed
-- gives: the state, or '' when the job is another's; and whether there is more to claim
local NEXT_MESSAGE = 30000
local said = cmsgpack.unpack(ARGV[1])
local now = clock()
local id, job = said.id, read(said.id)
local late = job.st == 'unknown'
if tonumber(job.tok) ~= said.token then
  return { '', 0 }
elseif job.call == said.call then
  return { job.st, more() }
elseif job.st ~= 'sending' and job.st ~= 'committing' and not late then
  return { '', 0 }
end
local before = { cls = job.cls, phase = job.phase, dclass = job.dclass, lane = job.lane }
note(id, job, said, ARGV[3], now)
attempted(job, said, now)
if said.cls or verdict(job.fates) == 'sent' then
  job.cls, job.code, job.esc, job.phase, job.perm = said.cls, said.code, said.esc, said.phase, said.perm
end
local again = not late and not said.expired and dare(job)
job.perm = again and '0' or job.perm
if not said.cls and not job.fates:find('[pfu]') and verdict(job.fates) ~= 'sent' and job.why then
  local refused = job.why:match(':([%a_]+)')  -- of what is over by now the record tells no more
  if refused ~= job.cls then
    job.cls, job.code, job.esc, job.phase, job.perm = refused, nil, nil, nil, '1'
  end
end
job.tries, job.call = said.tries, said.call
write(id, job, { 'fates', 'why', 'cls', 'code', 'esc', 'phase', 'perm', 'dot', 'warn', 'tries', 'call' })
if late then
  count(before, 'unknown', tonumber(job.upd), -1)
  return { close(id, job, verdict(job.fates), now), more() }
end
learn(job, said.contact, said, now)
if said.expired then
  return { expire(id, job, now), more() }
elseif again then
  put_off(id, job, now, now + AGAIN_AFTER)
  leave(id, job)
  return { 'deferred', more() }
elseif job.fates:find('[pf]') then
  redis.call('HSET', key('job', id), 'st', 'sending', 'upd', now, 'hand', now)
  hold(id, job, now + NEXT_MESSAGE)
  let_follow(job, breaker_of(job), now)  -- the account may have a seat more
  return { 'sending', more() }
end
return { close(id, job, verdict(job.fates), now), more() }
