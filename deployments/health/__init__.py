"""Whether an environment works.

What is observed of its servers, load balancers, database and site, and when it is ready.
"""
