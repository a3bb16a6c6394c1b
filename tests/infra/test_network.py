"""Subnets, security groups and load balancers."""

from __future__ import annotations

import re
from typing import Any

from tests.infra.template_files import of_type, properties, read, resources
from tests.services import REPOSITORY


def test_there_are_five_kinds_of_subnets_in_two_zones() -> None:
    zones: dict[str, set[str]] = {}
    blocks = set()
    for _, logical_id in of_type("AWS::EC2::Subnet"):
        subnet = properties("network", logical_id)
        zones.setdefault(logical_id.partition("Subnet")[0], set()).add(
            subnet["AvailabilityZone"]["Fn::Select"][0]["Ref"]
        )
        blocks.add(subnet["CidrBlock"]["Fn::Select"][0])
        assert subnet["MapPublicIpOnLaunch"] is False

    both = {"FirstZone", "SecondZone"}
    assert zones == dict.fromkeys(("Public", "Web", "App", "Db", "Function"), both)
    assert blocks == set(range(10))


def test_every_subnet_has_its_routes_and_those_of_the_database_have_no_way_out() -> None:
    tables = {
        association["SubnetId"]["Ref"]: association["RouteTableId"]["Ref"]
        for _, logical_id in of_type("AWS::EC2::SubnetRouteTableAssociation")
        for association in [properties("network", logical_id)]
    }
    led_out_of = [str(properties(*route)["RouteTableId"]) for route in of_type("AWS::EC2::Route")]

    assert set(tables) == {logical_id for _, logical_id in of_type("AWS::EC2::Subnet")}
    assert {table for subnet, table in tables.items() if subnet.startswith("Db")} == {"DbRouteTable"}
    assert len(led_out_of) == 3
    assert not [table for table in led_out_of if "DbRouteTable" in table]


def test_nothing_needs_the_internet_gateway_before_it_is_attached() -> None:
    assert resources("network")["PublicDefaultRoute"]["DependsOn"] == "InternetGatewayAttachment"
    for _, logical_id in of_type("AWS::EC2::EIP"):
        assert resources("root")[logical_id]["DependsOn"] == "Network"


def rules(group: str, direction: str) -> list[dict[str, Any]]:
    """Return a group's rules, including conditional ones."""
    found = properties("network", group).get(f"SecurityGroup{direction}", [])
    return [rule["Fn::If"][1] if "Fn::If" in rule else rule for rule in found]


def test_each_tier_admits_only_the_tier_before_it() -> None:
    sources = {
        group: {str(rule.get("SourceSecurityGroupId") or rule["CidrIp"]) for rule in rules(group, "Ingress")}
        for _, group in of_type("AWS::EC2::SecurityGroup")
    }

    def members_of(group: str) -> str:
        return str({"Fn::GetAtt": [group, "GroupId"]})

    assert sources == {
        "AlbSecurityGroup": {str({"Ref": "ClientCidr"})},
        "WebSecurityGroup": {members_of("AlbSecurityGroup")},
        "NlbSecurityGroup": {members_of("WebSecurityGroup")},
        "AppSecurityGroup": {members_of("NlbSecurityGroup")},
        "FunctionSecurityGroup": set(),
        "DbSecurityGroup": {members_of("AppSecurityGroup"), members_of("FunctionSecurityGroup")},
    }


def test_every_rule_has_a_description_and_none_allows_every_protocol() -> None:
    for _, group in of_type("AWS::EC2::SecurityGroup"):
        outward = rules(group, "Egress")
        assert outward, f"{group}: EC2 adds a rule that allows everything"
        assert all(
            rule["Description"] and rule["IpProtocol"] != "-1" for rule in outward + rules(group, "Ingress")
        )


def test_the_internal_load_balancer_hides_the_client_and_checks_over_tcp_or_http() -> None:
    group = properties("network", "AppTargetGroup")

    assert {"Key": "preserve_client_ip.enabled", "Value": "false"} in group["TargetGroupAttributes"]
    assert group["Protocol"] == "TCP"
    assert group["HealthCheckProtocol"] == {"Fn::If": ["ChecksOverHttp", "HTTP", "TCP"]}
    assert read("root")["Parameters"]["UwsgiPort"]["Default"] == 9090
    assert properties("nlb", "Nlb")["Scheme"] == "internal"


def test_an_app_server_that_stops_responding_is_unhealthy_within_15_seconds() -> None:
    group = properties("network", "AppTargetGroup")

    # The server may stop right after a successful check.
    first_failure = group["HealthCheckIntervalSeconds"] + group["HealthCheckTimeoutSeconds"]
    more_failures = group["UnhealthyThresholdCount"] - 1
    assert first_failure + more_failures * group["HealthCheckIntervalSeconds"] <= 15
    assert group["HealthCheckPath"]["Fn::If"][:2] == ["ChecksOverHttp", "/healthz"]


def test_the_health_check_port_is_open_only_with_the_uwsgi_protocol() -> None:
    health_port = {"Ref": "AppHealthPort"}
    only = {"Fn::If": ["HasHealthPort", health_port, "traffic-port"]}
    assert properties("network", "AppTargetGroup")["HealthCheckPort"] == only
    app_port = {"Ref": "UwsgiPort"}
    ports = {"Fn::If": ["HasHealthPort", [app_port, health_port], [app_port]]}
    assert properties("nlb", "NlbAddresses")["Ports"] == ports
    for group in ("NlbSecurityGroup", "AppSecurityGroup"):
        found = properties("network", group)
        for rule in (*found["SecurityGroupIngress"], *found["SecurityGroupEgress"]):
            if "Fn::If" in rule and rule["Fn::If"][1].get("FromPort") == health_port:
                assert rule["Fn::If"][0] in ("HasHealthPort", "AdmitsByGroupAndHasHealthPort")
    checks_http, speaks_http = {"Condition": "ChecksOverHttp"}, {"Condition": "SpeaksHttp"}
    assert read("network")["Conditions"]["HasHealthPort"] == {
        "Fn::And": [checks_http, {"Fn::Not": [speaks_http]}]
    }


def test_an_environment_from_before_the_parameter_keeps_its_protocol_and_security_groups() -> None:
    """CloudFormation applies the default; a different group description would replace the groups."""
    for name in ("root", "network", "nlb", "configuration"):
        protocol = read(name)["Parameters"]["AppProtocol"]
        assert (protocol["Default"], protocol["AllowedValues"]) == ("uwsgi", ["http", "uwsgi"])
    found = {
        group: properties("network", group)["GroupDescription"]["Fn::If"]
        for group in ("NlbSecurityGroup", "AppSecurityGroup")
    }
    assert {condition for condition, _, _ in found.values()} == {"SpeaksHttp"}
    assert found["NlbSecurityGroup"][2] == "Internal load balancer. uWSGI protocol from the web servers."
    assert found["AppSecurityGroup"][2] == "App servers. uWSGI protocol from the internal load balancer."


def test_changing_how_the_app_servers_admit_the_nlb_replaces_it() -> None:
    """A network load balancer that was created without a security group can never get one."""
    nlb = properties("nlb", "Nlb")

    assert nlb["SecurityGroups"]["Fn::If"][:2] == ["AdmitsByAddresses", {"Ref": "AWS::NoValue"}]
    assert nlb["Name"]["Fn::If"][0] == "AdmitsByAddresses"
    assert nlb["Name"]["Fn::If"][2] == {"Ref": "AWS::NoValue"}


def test_with_a_certificate_http_redirects_to_https() -> None:
    (action,) = properties("alb", "HttpListener")["DefaultActions"]
    condition, with_certificate, without = action["Fn::If"]

    assert condition == resources("alb")["HttpsListener"]["Condition"] == "HasCertificate"
    assert with_certificate["RedirectConfig"]["StatusCode"] == "HTTP_301"
    assert without["Type"] == "forward"


def test_the_public_load_balancer_drops_headers_that_the_servers_behind_it_could_read_differently() -> None:
    attributes = properties("alb", "Alb")["LoadBalancerAttributes"]

    assert {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"} in attributes
    assert {"Key": "routing.http.desync_mitigation_mode", "Value": "defensive"} in attributes


def test_the_public_load_balancer_gives_up_an_idle_connection_before_apache_does() -> None:
    attributes = properties("alb", "Alb")["LoadBalancerAttributes"]
    (idle,) = [a["Value"] for a in attributes if a.get("Key") == "idle_timeout.timeout_seconds"]
    script = properties("configuration", "WebServerAssociation")["Parameters"]["commands"][0]["Fn::Sub"]
    kept = re.search(r"KeepAliveTimeout (\d+)", script)

    assert kept
    assert int(kept[1]) > int(idle)


def test_requests_may_end_before_a_server_leaves_or_stops() -> None:
    """uWSGI ends a request after its harakiri timeout; every other limit allows at least that time."""
    ini = (REPOSITORY / "playbook/files/uwsgi.ini").read_text()
    unit = (REPOSITORY / "playbook/templates/uwsgi.service.j2").read_text()
    apache = properties("configuration", "WebServerAssociation")["Parameters"]["commands"][0]["Fn::Sub"]
    (longest,) = seconds(r"^harakiri = (\d+)", ini)
    web, app = (
        {one["Key"]: one["Value"] for one in properties("network", group)["TargetGroupAttributes"]}
        for group in ("WebTargetGroup", "AppTargetGroup")
    )
    delay = "deregistration_delay.timeout_seconds"
    stopping = seconds(r"TimeoutStopSec=(\d+)", unit) + seconds(r"TimeoutStopSec=(\d+)", apache)
    (graceful,) = seconds(r"GracefulShutdownTimeout (\d+)", apache)

    assert seconds(r"worker-reload-mercy = (\d+)", ini) == [longest]
    assert int(web[delay]) > longest
    # new connections reach a deregistered target of a network load balancer for about two minutes
    assert int(app[delay]) > 120 + longest
    assert app["deregistration_delay.connection_termination.enabled"] == "false"
    assert longest < graceful < min(stopping)
    assert len(stopping) == 2


def seconds(pattern: str, text: str) -> list[int]:
    return [int(found) for found in re.findall(pattern, text, re.MULTILINE)]
