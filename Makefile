# Aliases only; run.py does the work.

.PHONY: help demo test check lock

help:
	@python3 run.py | sed -n 's/^python3 run.py \([a-z]\)/make \1/p'

demo test check lock:
	@python3 run.py $@
