#!/bin/sh
# Tells the Auto Scaling group of this server whether it is configured: signal.sh STACK SERVERS SUCCESS|FAILURE
# STACK is the root stack, SERVERS the logical id of the nested stack with the group. CloudFormation waits for the signal
# while it creates or replaces servers, and rejects it otherwise, such as after a scheduled run.
set -u
stack=$1 servers=$2 status=$3
region=$AWS_SSM_REGION_NAME # the SSM agent sets this and the next one
server=$AWS_SSM_INSTANCE_ID

cli() {
  aws --region "$region" cloudformation "$@"
}

# A server without the AWS CLI has keys and an endpoint in its environment.
call() {
  for field; do
    set -- "$@" --data-urlencode "$field"
    shift
  done
  curl -sS --retry 5 --retry-connrefused --aws-sigv4 "aws:amz:$region:cloudformation" \
    --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" --header "x-amz-security-token: ${AWS_SESSION_TOKEN:-}" \
    --data Version=2010-05-15 "$@" "$AWS_ENDPOINT_URL/"
}

if command -v aws >/dev/null 2>&1; then
  nested=$(cli describe-stack-resource --stack-name "$stack" --logical-resource-id "$servers" \
    --query StackResourceDetail.PhysicalResourceId --output text) &&
    cli signal-resource --stack-name "$nested" --logical-resource-id AutoScalingGroup \
      --unique-id "$server" --status "$status" || true
elif [ -n "${AWS_ENDPOINT_URL:-}" ]; then
  nested=$(call Action=DescribeStackResource "StackName=$stack" "LogicalResourceId=$servers" |
    sed -n 's/.*<PhysicalResourceId>\([^<]*\)<.*/\1/p')
  call Action=SignalResource "StackName=$nested" LogicalResourceId=AutoScalingGroup \
    "UniqueId=$server" "Status=$status" || true
fi
