"""The accounts, the environments in them and the deployments of these: their names, states and phases."""
