"""The operations app: accounts, environments, deployments and what is known of their stacks."""
