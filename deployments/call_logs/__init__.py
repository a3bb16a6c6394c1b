"""What AWS answered to a deployment: the AWS call log, without secrets and with placeholders for names."""
