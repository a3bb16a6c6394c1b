"""Listeners, their rules and TLS."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import NETWORK, changed, made
from sandbox_tests.sandboxes import start_sandbox

BALANCER = """
Parameters:
  Vpc: {Type: AWS::EC2::VPC::Id}
  SubnetA: {Type: AWS::EC2::Subnet::Id}
  SubnetC: {Type: AWS::EC2::Subnet::Id}
  Group: {Type: AWS::EC2::SecurityGroup::Id}
  Words: {Type: String, Default: "it's %1 \\"default\\""}
Resources:
  Alb:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Subnets: [!Ref SubnetA, !Ref SubnetC], SecurityGroups: [!Ref Group]}
  Nobody:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {VpcId: !Ref Vpc, Protocol: HTTP, Port: 80}
  Plain:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Alb
      Port: 8080
      Protocol: HTTP
      DefaultActions:
        - {Type: redirect, RedirectConfig: {Protocol: HTTPS, Port: "8443", StatusCode: HTTP_301}}
  Secure:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Alb
      Port: 8443
      Protocol: HTTPS
      Certificates: [{CertificateArn: "arn:aws:acm:ap-northeast-1:123456789012:certificate/none"}]
      DefaultActions:
        - Type: fixed-response
          FixedResponseConfig: {StatusCode: "200", ContentType: text/plain, MessageBody: !Ref Words}
  ByPath:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Secure
      Priority: 20
      Conditions: [{Field: path-pattern, PathPatternConfig: {Values: ["/img/*.p?g", /old]}}]
      Actions:
        - Type: redirect
          RedirectConfig: {Path: "/new/#{path}", Query: "from=old&#{query}", StatusCode: HTTP_302}
  ByHostAndPath:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Secure
      Priority: 10
      Conditions:
        - {Field: host-header, HostHeaderConfig: {Values: ["*.example.com"]}}
        - {Field: path-pattern, Values: [/old]}
      Actions: [{Type: fixed-response, FixedResponseConfig: {StatusCode: "410", MessageBody: gone}}]
  ToNobody:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Secure
      Priority: 30
      Conditions: [{Field: http-request-method, HttpRequestMethodConfig: {Values: [POST]}}]
      Actions: [{Type: forward, TargetGroupArn: !Ref Nobody}]
Outputs:
  Alb: {Value: !GetAtt Alb.DNSName}
"""


@dataclass
class Balancer:
    """A listening load balancer, and the stack that created it."""

    account: Account
    stack: str
    values: dict[str, str]
    host: str

    def send(
        self, path: str, *, method: str = "GET", secure: bool = True, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """Send a request to the load balancer without verifying its certificate."""
        connection: http.client.HTTPConnection
        if secure:
            unchecked = ssl.create_default_context()
            unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
            connection = http.client.HTTPSConnection(self.host, 8443, timeout=10, context=unchecked)
        else:
            connection = http.client.HTTPConnection(self.host, 8080, timeout=10)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return response.status, found, response.read().decode()
        finally:
            connection.close()

    def answers(self) -> bool:
        try:
            answered = self.send("/")[0], self.send("/", secure=False)[0], self.send("/img/a.png")[0]
            return answered == (200, 301, 302)  # both listeners and the rules
        except OSError:
            return False


@pytest.fixture(scope="module")
def balancer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balancer]:
    folder: Path = tmp_path_factory.mktemp("balancers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANSO_SANDBOX_MACHINES", "processes")
        sandbox = start_sandbox(folder, database="embedded")
    try:
        account = Account(sandbox, "123456123456")
        about: Any = sandbox.control("GET", "about")
        assert about["balancers"] == "haproxy"
        network = account.outputs(made(account, "network", NETWORK))
        given = {name: network[name] for name in ("Vpc", "SubnetA", "SubnetC", "Group")}
        stack = made(account, "balancer", BALANCER, **given)
        host = account.outputs(stack)["Alb"].partition(":")[0]
        found = Balancer(account, stack, given, host)
        wait_until(found.answers, what="an answer")
        yield found
    finally:
        sandbox.stop()


def test_http_leads_to_https_with_the_same_host_path_and_query(balancer: Balancer) -> None:
    status, headers, _body = balancer.send("/a/b?c=d&e", secure=False)
    assert (status, headers["location"]) == (301, f"https://{balancer.host}:8443/a/b?c=d&e")
    assert headers["server"] == "awselb/2.0"
    status, headers, _body = balancer.send("/a", secure=False)
    assert headers["location"] == f"https://{balancer.host}:8443/a"


def test_the_default_action_answers_over_tls(balancer: Balancer) -> None:
    status, headers, body = balancer.send("/")
    assert (status, body) == (200, 'it\'s %1 "default"')
    assert headers["content-type"] == "text/plain"


def test_a_rule_redirects_by_its_path_pattern(balancer: Balancer) -> None:
    status, headers, _body = balancer.send("/img/a/b.png?x=1")
    assert status == 302
    assert headers["location"] == f"https://{balancer.host}:8443/new/img/a/b.png?from=old&x=1"
    assert balancer.send("/img/b.jpeg")[0] == 200


def test_the_rule_of_lower_number_goes_first_and_needs_all_its_conditions(balancer: Balancer) -> None:
    assert balancer.send("/old", Host="www.EXAMPLE.com:8443")[0] == 410
    assert balancer.send("/old", Host="www.example.org")[0] == 302
    assert balancer.send("/older", Host="www.example.com")[0] == 200


def test_without_any_target_the_answer_is_503_in_elbs_form(balancer: Balancer) -> None:
    status, headers, body = balancer.send("/", method="POST")
    assert (status, headers["server"]) == (503, "awselb/2.0")
    assert "<h1>503 Service Temporarily Unavailable</h1>" in body


def test_a_changed_listener_is_served_as_changed(balancer: Balancer) -> None:
    changed(balancer.account, balancer.stack, BALANCER, **balancer.values, Words="other words")
    wait_until(lambda: balancer.send("/")[2] == "other words", what="the other words")
