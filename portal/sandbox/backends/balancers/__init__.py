"""What listens behind load balancers: HAProxy, or nothing.

addresses.py gives each load balancer a loopback address · listeners.py says where its listeners listen ·
haproxy_configuration.py and rules.py write what HAProxy does · haproxy.py is its process · reconciler.py
keeps it doing what the records say.
"""
