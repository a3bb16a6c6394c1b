"""`make run`: one foreground process that starts the whole portal, keeps it running and leaves nothing.

guard.py ends processes, also when the supervisor itself was killed · children.py keeps one program running ·
logs.py bounds their logs · lock.py lets one run use a data folder · listening.py takes their addresses ·
plan.py says which programs there are · answers.py sees whether they answer · sandbox_lines.py says what the
sandbox is made of · run.py puts it together.

Why not a library: honcho ends everything as soon as one process dies, where here each must come back by
itself. Circus and Supervisor restart, but bring a daemon with its own configuration and control socket
(Circus also pyzmq, tornado and psutil), and with neither do the children end when it is killed by SIGKILL.
"""
