"""What AWS's APIs answer where MiniStack lacks something or nothing real is behind it, a folder per service.

What MiniStack itself gets wrong is corrected in portal/sandbox/engine/fixes.

Nothing here decides when a resource is created or how long that takes: the scheduler in
portal/sandbox/engine/cloudformation does. A service's install() puts its handlers into MiniStack's
registries.
"""
