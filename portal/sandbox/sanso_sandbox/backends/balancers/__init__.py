"""The backends of load balancers: HAProxy, or none.

addresses.py gives each load balancer a loopback address · listeners.py adds addresses to listeners ·
haproxy_configuration.py and rules.py write HAProxy's configuration · haproxy.py is its process ·
reconciler.py updates it when the records change.
"""
