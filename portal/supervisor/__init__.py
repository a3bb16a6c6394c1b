"""`make run`: one foreground process that starts the whole portal, restarts its programs and ends them all.

guard.py ends processes, also if the supervisor itself was killed · children.py runs and restarts one program
· logs.py limits their logs · lock.py allows one run per data folder · listening.py opens their addresses ·
plan.py lists the programs · answers.py checks whether they respond · sandbox_lines.py describes the sandbox ·
run.py runs the plan.

Why not a library: honcho ends everything as soon as one process dies; here each program is restarted. Circus
and Supervisor restart programs, but need a daemon with its own configuration and control socket (Circus also
pyzmq, tornado and psutil), and their children survive if it is killed with SIGKILL.
"""
