"""VPC endpoints and flow logs."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.resources.conftest import Network, gone, made

ENDPOINTS = """
Parameters:
  Vpc: {Type: AWS::EC2::VPC::Id}
  Subnet: {Type: AWS::EC2::Subnet::Id}
  Group: {Type: AWS::EC2::SecurityGroup::Id}
Resources:
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  Bucket:
    Type: AWS::EC2::VPCEndpoint
    Properties:
      VpcId: !Ref Vpc
      ServiceName: !Sub com.amazonaws.${AWS::Region}.s3
      RouteTableIds: [!Ref Table]
  Manager:
    Type: AWS::EC2::VPCEndpoint
    Properties:
      VpcId: !Ref Vpc
      VpcEndpointType: Interface
      ServiceName: !Sub com.amazonaws.${AWS::Region}.ssm
      SubnetIds: [!Ref Subnet]
      SecurityGroupIds: [!Ref Group]
      PrivateDnsEnabled: true
  Log:
    Type: AWS::EC2::FlowLog
    Properties:
      ResourceType: VPC
      ResourceId: !Ref Vpc
      TrafficType: REJECT
      LogDestinationType: s3
      LogDestination: arn:aws:s3:::logs
Outputs:
  Log: {Value: !Ref Log}
  Bucket: {Value: !Ref Bucket}
  Manager: {Value: !Ref Manager}
  Interface: {Value: !Select [0, !GetAtt Manager.NetworkInterfaceIds]}
"""


def test_an_interface_endpoint_has_an_interface_and_flow_logs_are_listed(
    account: Account, network: Network
) -> None:
    values = {"Vpc": network.vpc, "Subnet": network.subnet_a, "Group": network.group}
    stack = made(account, "endpoints", ENDPOINTS, **values)
    outputs = account.outputs(stack)
    ec2 = account.client("ec2")
    found = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [network.vpc]}])
    endpoints = {one["VpcEndpointId"]: one for one in found["VpcEndpoints"]}
    assert endpoints[outputs["Bucket"]]["VpcEndpointType"] == "Gateway"
    assert endpoints[outputs["Bucket"]]["NetworkInterfaceIds"] == []
    assert endpoints[outputs["Manager"]]["NetworkInterfaceIds"] == [outputs["Interface"]]
    (interface,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[outputs["Interface"]])[
        "NetworkInterfaces"
    ]
    assert interface["Description"] == f"VPC Endpoint Interface {outputs['Manager']}"
    assert interface["Groups"][0]["GroupId"] == network.group
    (log,) = ec2.describe_flow_logs(FlowLogIds=[outputs["Log"]])["FlowLogs"]
    assert (log["ResourceId"], log["TrafficType"], log["FlowLogStatus"]) == (network.vpc, "REJECT", "ACTIVE")
    gone(account, stack)
    assert ec2.describe_flow_logs()["FlowLogs"] == []
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    assert ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
