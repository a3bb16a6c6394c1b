"""The type in the authorization reference for each resource type whose handlers are checked.

These are the types of the bundled template set, for which exemptions are known.
"""

from typing import Final

KINDS: Final = {
    "AWS::AutoScaling::AutoScalingGroup": "autoScalingGroup",
    "AWS::CloudFormation::Stack": "stack",
    "AWS::CloudWatch::Alarm": "alarm",
    "AWS::EC2::EIP": "elastic-ip",
    "AWS::EC2::FlowLog": "vpc-flow-log",
    "AWS::EC2::InternetGateway": "internet-gateway",
    "AWS::EC2::LaunchTemplate": "launch-template",
    "AWS::EC2::NatGateway": "natgateway",
    "AWS::EC2::Route": "route-table",
    "AWS::EC2::RouteTable": "route-table",
    "AWS::EC2::SecurityGroup": "security-group",
    "AWS::EC2::SecurityGroupEgress": "security-group",
    "AWS::EC2::SecurityGroupIngress": "security-group",
    "AWS::EC2::Subnet": "subnet",
    "AWS::EC2::SubnetRouteTableAssociation": "route-table",
    "AWS::EC2::VPC": "vpc",
    "AWS::EC2::VPCEndpoint": "vpc-endpoint",
    "AWS::EC2::VPCGatewayAttachment": "internet-gateway",
    "AWS::ElasticLoadBalancingV2::Listener": "listener/app",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "loadbalancer/app/",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "targetgroup",
    "AWS::IAM::InstanceProfile": "instance-profile",
    "AWS::IAM::Policy": "role",
    "AWS::IAM::Role": "role",
    "AWS::Lambda::Function": "function",
    "AWS::Lambda::LayerVersion": "layerVersion",
    "AWS::Logs::LogGroup": "log-group",
    "AWS::RDS::DBCluster": "cluster",
    "AWS::RDS::DBClusterParameterGroup": "cluster-pg",
    "AWS::RDS::DBInstance": "db",
    "AWS::RDS::DBSubnetGroup": "subgrp",
    "AWS::SSM::Association": "association",
    "AWS::SSM::Document": "document",
    "AWS::SSM::Parameter": "parameter",
    "AWS::SecretsManager::Secret": "Secret",
}
