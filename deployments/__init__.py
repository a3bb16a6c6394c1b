"""The operations app: accounts, environments, deployments, and the observed state of their stacks."""
