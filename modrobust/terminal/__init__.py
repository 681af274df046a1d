"""What a shell and a terminal do to a program: streams that close, signals, refusals of the system, narrow windows."""
