"""Pure decisions over plain values: no Django, no boto3, no clock of their own."""
