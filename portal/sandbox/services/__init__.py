"""What AWS's APIs answer: the services that MiniStack lacks or gets wrong, a folder each.

Nothing here decides when a resource is created or how long that takes: the scheduler in
portal/sandbox/engine/cloudformation does. A service's install() puts its handlers into MiniStack's
registries.
"""
