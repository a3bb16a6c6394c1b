"""AWS as Sanso sees it.

One gateway for each service, the quota of its calls, the decisions about connections in a VPC, and the
permissions that AWS publishes.
"""
