"""The dependencies in a template set: edges between the paths of its resources.

A path has the logical ids below the root stack: `Network` is a nested stack, `Network/Vpc` a resource in it.
A parameter of a nested stack is traced to the resources that its value comes from, through the outputs of
other nested stacks. Nothing here raises: invalid references are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from deployments.cloudformation.conditions import TemplateValues, mapping
from deployments.cloudformation.nested_templates import STACK, StackLimit, nested_template
from deployments.cloudformation.references import Reference, found_in
from deployments.cloudformation.status import is_failed, is_final

FUNCTION = "AWS::Lambda::Function"
SUBNET = "AWS::EC2::Subnet"
MAX_DEPTH = 8
MAX_RESOURCES = 20_000
MAX_EDGES = 200_000
MAX_HOPS = 40
"""Maximum number of parameters and outputs that a value is followed through."""


class ReferenceKind(StrEnum):
    """How a resource refers to another. PARAMETER: through a nested stack's parameters."""

    REF = "Ref"
    GET_ATT = "GetAtt"
    SUB = "Sub"
    DEPENDS_ON = "DependsOn"
    PARAMETER = "parameter"


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """The resource or nested stack at `path` must exist first."""

    path: str
    way: str


@dataclass(frozen=True, slots=True, order=True)
class Waiting:
    """A dependency that a resource waits for: the resource or stack at `path`, by `way`.

    `inside` is the nested stack that waits and has the resource in it, "" if the resource itself waits.
    """

    path: str
    way: str
    inside: str = ""


Edges = Mapping[str, Sequence[Edge]]
"""path → its dependencies, each edge once, sorted."""


@dataclass(frozen=True, slots=True)
class Graph:
    """The resources of a template set: path → type, and the dependencies of each.

    `providers` has the resources that each custom resource's ServiceToken comes from: its functions.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    edges: Edges = field(default_factory=dict)
    providers: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def is_function_in_vpc(self, path: str) -> bool:
        """Return whether a resource is a function with interfaces in subnets of these templates."""
        needed = (self.types.get(edge.path) for edge in self.edges.get(path, ()))
        return self.types.get(path) == FUNCTION and SUBNET in needed


def read(templates: Mapping[str, Any], root: str, parameters: Mapping[str, str] | None = None) -> Graph:
    """Return the graph of a template set.

    `templates` are parsed templates by file name, `root` is the name of the root template. Resources that a
    condition leaves out are not in the graph. The values of secret parameters may be missing.
    """
    reader = _TemplateReader(templates)
    reader.add("", mapping(templates.get(root)), {**(parameters or {})})
    return Graph(reader.types, {path: reader.edges_of(path) for path in reader.bodies}, reader.providers())


def rows(edges: Sequence[Edge]) -> list[list[str]]:
    """Return edges in the form of a row."""
    return [[edge.path, str(edge.way)] for edge in edges]


def from_rows(stored: Any) -> tuple[Edge, ...]:
    """Return the edges that a row stores."""
    pairs = stored if isinstance(stored, list) else []
    whole = (pair for pair in pairs if isinstance(pair, list) and len(pair) == 2)
    return tuple(Edge(str(path), str(way)) for path, way in whole)


def stack_of(path: str) -> str:
    """Return the path of the stack that a resource is in."""
    return path.rpartition("/")[0]


def stacks_around(path: str) -> Iterator[str]:
    """Yield the paths of the nested stacks around a resource, the nearest first; not the root."""
    around = stack_of(path)
    while around:
        yield around
        around = stack_of(around)


def waiting_for(path: str, edges: Edges, states: Mapping[str, str]) -> tuple[Waiting, ...]:
    """Return the dependencies that the resource at a path waits for. `states`: path → status ("": pending).

    Its own dependencies come first, then those of its parent stacks, the nearest first. A resource
    that is in progress or has ended waits for nothing.
    """
    if states.get(path, ""):
        return ()
    found = [Waiting(edge.path, edge.way) for edge in _unfinished(path, edges, states)]
    for around in stacks_around(path):
        if states.get(around, ""):
            break
        found += [Waiting(edge.path, edge.way, around) for edge in _unfinished(around, edges, states)]
    first: dict[str, Waiting] = {}
    for waiting in found:
        first.setdefault(waiting.path, waiting)
    return tuple(first.values())


def _unfinished(path: str, edges: Edges, states: Mapping[str, str]) -> list[Edge]:
    own = (edge for edge in edges.get(path, ()) if edge.path != path)
    return [edge for edge in own if not is_done(states.get(edge.path, ""))]


def is_done(status: str) -> bool:
    """Return whether resources that depend on a resource in this status can begin."""
    return is_final(status) and not is_failed(status)


def blocked_by(edges: Edges) -> dict[str, tuple[str, ...]]:
    """Return the resources that depend on each resource: path → paths, sorted."""
    found: dict[str, set[str]] = {}
    for path, own in edges.items():
        for edge in own:
            if edge.path != path:
                found.setdefault(edge.path, set()).add(path)
    return {path: tuple(sorted(blocked)) for path, blocked in sorted(found.items())}


def reversed_edges(edges: Edges) -> dict[str, tuple[Edge, ...]]:
    """Return the edges of a deletion: dependent resources must be deleted first."""
    found: dict[str, set[Edge]] = {}
    for path, own in edges.items():
        for edge in own:
            found.setdefault(edge.path, set()).add(Edge(path, edge.way))
    return {path: tuple(sorted(own)) for path, own in found.items()}


class _Stack:
    """One stack of the set: the sections of its template, and the parameters that its parent passes."""

    def __init__(self, path: str, template: Mapping[str, Any], values: Mapping[str, str | None]) -> None:
        self.path = path
        self.scope = TemplateValues(template, values)
        self.parameters = mapping(template.get("Parameters"))
        self.outputs = mapping(template.get("Outputs"))
        declared = mapping(template.get("Resources")).items()
        # CloudFormation rejects a logical id that is not alphanumeric; in a path a slash separates them:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html
        self.resources = {
            str(name): body
            for name, body in declared
            if isinstance(body, dict)
            and "/" not in str(name)
            and self.scope.condition(body.get("Condition")) is not False
        }
        self.passed: Mapping[str, Any] = {}

    def at(self, name: str) -> str:
        """Return the path of a resource of this stack."""
        return f"{self.path}/{name}" if self.path else name


class _TemplateReader:
    """Reads the stacks of a set and follows references from one stack into another."""

    def __init__(self, templates: Mapping[str, Any]) -> None:
        self.templates = templates
        self.stacks: dict[str, _Stack] = {}
        self.bodies: dict[str, dict[str, Any]] = {}
        self.types: dict[str, str] = {}
        self._followed: dict[tuple[str, str, str], frozenset[str]] = {}
        self._hops, self._edges_left, self._limit = 0, MAX_EDGES, StackLimit()

    def add(self, path: str, template: Mapping[str, Any], values: Mapping[str, str | None]) -> None:
        """Add a stack and its nested stacks."""
        if not self._limit.takes(template):
            template = {}
        stack = self.stacks[path] = _Stack(path, template, values)
        for name, body in stack.resources.items():
            if len(self.bodies) >= MAX_RESOURCES:
                return
            at = stack.at(name)
            self.bodies[at], self.types[at] = body, str(body.get("Type") or "")
            if self.types[at] == STACK and at.count("/") < MAX_DEPTH:
                nested = nested_template(name, body, stack.scope)
                known = {key: stack.scope.literal(value) for key, value in nested.parameters.items()}
                self.add(at, mapping(self.templates.get(nested.found_in(self.templates))), known)
                self.stacks[at].passed = nested.parameters

    def providers(self) -> dict[str, tuple[str, ...]]:
        """Return the resources that the ServiceTokens of custom resources come from."""
        tokens = {
            path: mapping(body.get("Properties")).get("ServiceToken") for path, body in self.bodies.items()
        }
        return {
            path: tuple(sorted(self.origins(self.stacks[stack_of(path)], token)))
            for path, token in tokens.items()
            if token is not None
        }

    def edges_of(self, path: str) -> tuple[Edge, ...]:
        """Return the dependencies of a resource."""
        if self._edges_left <= 0:
            return ()
        stack, body = self.stacks[stack_of(path)], self.bodies[path]
        found: set[Edge] = set()
        after = body.get("DependsOn")
        for name in after if isinstance(after, list) else [after]:
            if isinstance(name, str) and name in stack.resources:
                found.add(Edge(stack.at(name), ReferenceKind.DEPENDS_ON.value))
        for reference in found_in(body.get("Properties"), stack.scope):
            if reference.name in stack.resources:
                found.add(Edge(stack.at(reference.name), reference.way))
            else:
                found |= {
                    Edge(origin, ReferenceKind.PARAMETER.value)
                    for origin in self.parameter_origins(stack, reference.name)
                }
        edges = tuple(sorted(edge for edge in found if edge.path != path))
        self._edges_left -= len(edges)
        return edges

    def parameter_origins(self, stack: _Stack, name: str) -> frozenset[str]:
        """Return the resources that a parameter's value comes from."""
        if not stack.path or name not in stack.parameters:
            return frozenset()
        parent = self.stacks[stack_of(stack.path)]
        return self._once("parameter", stack.path, name, lambda: self.origins(parent, stack.passed.get(name)))

    def origins(self, stack: _Stack, value: Any) -> frozenset[str]:
        """Return the resources that a value comes from, through parameters and outputs."""
        return frozenset().union(*(self.origin(stack, found) for found in found_in(value, stack.scope)))

    def origin(self, stack: _Stack, reference: Reference) -> frozenset[str]:
        """Return the resources that one reference refers to."""
        if reference.name not in stack.resources:
            return self.parameter_origins(stack, reference.name)
        at = stack.at(reference.name)
        nested = self.stacks.get(at)
        if nested is None or not reference.output:
            return frozenset({at})
        if reference.output not in nested.outputs:
            return frozenset({at})  # its template is not known
        value = mapping(nested.outputs[reference.output]).get("Value")
        return self._once("output", at, reference.output, lambda: self.origins(nested, value))

    def _once(self, kind: str, path: str, name: str, follow: Callable[[], frozenset[str]]) -> frozenset[str]:
        key = (kind, path, name)
        if key not in self._followed and self._hops < MAX_HOPS:
            self._followed[key] = frozenset()  # ends a cycle
            self._hops += 1
            self._followed[key] = follow()
            self._hops -= 1
        return self._followed.get(key, frozenset())
