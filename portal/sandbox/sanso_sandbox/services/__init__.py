"""AWS's APIs where MiniStack lacks behavior or has no backend, with a folder for each service.

Errors of MiniStack itself are fixed in engine/fixes.

The services do not decide when a resource is created or how long that takes: the scheduler in
engine/cloudformation does. A service's install() registers its handlers with MiniStack.
"""
