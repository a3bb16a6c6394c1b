"""Pure functions over plain values: no Django, no boto3, no clock."""
