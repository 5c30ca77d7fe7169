# Aliases only; run.py does the work.

.PHONY: help demo prove test faults check lock

help:
	@python3 run.py | sed -n 's/^python3 run.py \([a-z]\)/make \1/p'

demo prove test faults check lock:
	@python3 run.py $@
