"""For all tests: a shell lets what runs in its background ignore Ctrl-C, and so would every process that a test starts and stops."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
