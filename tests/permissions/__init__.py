"""The roles of infra_templates/account.yaml: what each of their actions is needed for."""
