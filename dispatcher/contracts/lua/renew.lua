-- renew: a longer lease for who still holds the job.
-- pre:  the token is the job's.
-- post: the lease ends later, and whoever may follow is called; nothing else changed.
-- ARGV: {id, token, lease} courtesy
-- gives: 1, or 0 when the job is another's
local said = cmsgpack.unpack(ARGV[1])
local now = clock()
local job = read(said.id)
if tonumber(job.tok) ~= said.token or (job.st ~= 'sending' and job.st ~= 'committing') then
  return 0
end
hold_on(said.id, job, math.max(now + said.lease, tonumber(job.lease)), now)
return 1
