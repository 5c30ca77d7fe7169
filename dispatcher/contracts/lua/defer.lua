-- defer: somebody is still pending; try again later.
-- pre:  the token is the job's, the job is being sent; who is behind the fence is not given back.
-- post: fates are recorded, the payload is untouched and lives no longer than before, the seats are free. The job is `deferred`. Or it is
--       given back, because its worker stops or has sent as many messages as it may: then it is the first in its queue, the attempt is not
--       counted, and the next begins with the recipient `first`. Nor is an attempt counted that failed because more of us were there than
--       the server takes, as long as fewer of us can be: the next one follows `soon`.
-- ARGV: {id token back first} or {id token changes why delay soon cls code esc phase reply warn tries contact receipt} courtesy sealed
-- gives: 1, or 0 when the job is another's; and whether there is more to claim
local said = cmsgpack.unpack(ARGV[1])
local now = clock()
local id, job = said.id, read(said.id)
if tonumber(job.tok) ~= said.token or (job.st ~= 'sending' and (job.st ~= 'committing' or said.back)) then
  return { 0, 0 }
end
leave(id, job)
if said.back then
  redis.call('HINCRBY', key('job', id), 'att', -1)
  redis.call('HSET', key('job', id), 'first', said.first)
  queue(id, job, now, true)
  return { 1, more() }
end
note(id, job, said, ARGV[3], now)
attempted(job, said, now)
job.cls, job.code, job.esc, job.phase, job.perm = said.cls, said.code, said.esc, said.phase, '0'
local least = dare(job) and AGAIN_AFTER or 0
local delay = math.max(said.delay, least)
if learn(job, said.contact, said, now) and said.soon then
  delay = math.max(said.soon, least)
  redis.call('HINCRBY', key('job', id), 'att', -1)
else
  job.tries = said.tries
end
write(id, job, { 'fates', 'why', 'cls', 'code', 'esc', 'phase', 'perm', 'dot', 'warn', 'tries' })
put_off(id, job, now, now + delay)
return { 1, more() }
