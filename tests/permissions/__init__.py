"""The roles of infra_templates/account.yaml, and the need for each of their actions."""
