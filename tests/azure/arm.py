"""What Azure Resource Manager makes of a template, as far as ours goes: the
expressions between square brackets, evaluated with given parameters.

Written from the documentation of the template language; a function that is
not here is not used by our templates, and says so.
"""

import base64
import re

ADDRESS = "20.202.255.255"  # what every public address turns out to be
GROUP = {"location": "westeurope", "name": "group"}

TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|(\d+)|([A-Za-z_][\w]*)|([()\[\].,]))",
                   re.S)


def resource_id(kind, *names):
    parts = kind.split("/")
    pairs = zip(parts[1:], names)
    return "/subscriptions/s/resourceGroups/group/providers/%s/%s" % (
        parts[0], "/".join(f"{t}/{n}" for t, n in pairs))


def reference(identity):
    assert "/publicIPAddresses/" in identity, identity
    return {"ipAddress": ADDRESS}


def text_format(template, *values):
    return re.sub(r"\{(\d+)\}", lambda m: text(values[int(m[1])]), template)


def text(value):
    return value if isinstance(value, str) else \
        str(value).lower() if isinstance(value, bool) else str(value)


def concat(*values):
    if isinstance(values[0], list):
        return [item for value in values for item in value]
    return "".join(map(text, values))


FUNCTIONS = {
    "resourceid": resource_id,
    "resourcegroup": lambda: GROUP,
    "reference": lambda identity, version=None: reference(identity),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "replace": lambda value, old, new: value.replace(old, new),
    "format": text_format,
    "string": text,
    "tolower": str.lower,
    "concat": concat,
    "contains": lambda container, item: item in container,
    "createarray": lambda *items: list(items),
    "null": lambda: None,
}


class Expression:
    """One expression: tokens, and where we are."""

    def __init__(self, source, template):
        self.template = template
        self.tokens = []
        at = 0
        while at < len(source.rstrip()):
            found = TOKEN.match(source, at)
            assert found, f"not understood: {source[at:at + 40]!r}"
            self.tokens.append(found)
            at = found.end()
        self.at = 0

    def peek(self):
        return self.tokens[self.at][0].strip() \
            if self.at < len(self.tokens) else None

    def take(self, wanted=None):
        token = self.peek()
        assert token is not None and wanted in (None, token), (token, wanted)
        self.at += 1
        return token

    def whole(self):
        value = self.value()
        assert self.peek() is None, self.peek()
        return value

    def value(self):
        value = self.primary()
        while self.peek() in (".", "["):
            if self.take() == ".":
                value = value[self.take()]
            else:
                value = value[self.value()]
                self.take("]")
        return value

    def primary(self):
        found = self.tokens[self.at]
        self.at += 1
        if found[1]:
            return found[1][1:-1].replace("''", "'")
        if found[2]:
            return int(found[2])
        assert found[3], found[0]
        self.take("(")
        values = []
        while self.peek() != ")":
            values.append(self.value())
            if self.peek() == ",":
                self.take()
        self.take(")")
        return self.call(found[3].lower(), values)

    def call(self, name, values):
        if name == "parameters":
            return self.template.parameter(values[0])
        if name == "variables":
            return self.template.variable(values[0])
        if name == "if":
            return values[1] if values[0] else values[2]
        return FUNCTIONS[name](*values)


class Template:
    def __init__(self, source, given):
        self.source = source
        self.given = given
        unknown = set(given) - set(source["parameters"])
        assert not unknown, unknown

    def parameter(self, name):
        declared = self.source["parameters"][name]
        if name in self.given:
            return self.given[name]
        assert "defaultValue" in declared, f"no value for {name}"
        return self.evaluate(declared["defaultValue"])

    def variable(self, name):
        return self.evaluate(self.source["variables"][name])

    def evaluate(self, value):
        if isinstance(value, dict):
            return {k: self.evaluate(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.evaluate(v) for v in value]
        if not isinstance(value, str) or not value.startswith("["):
            return value
        if value.startswith("[["):
            return value[1:]
        assert value.endswith("]"), value
        return self.evaluate_again(Expression(value[1:-1], self).whole())

    def evaluate_again(self, value):
        """Variables and parameters may hold objects with expressions; their
        texts have been evaluated."""
        return self.evaluate(value) if isinstance(value, (dict, list)) \
            else value

    @property
    def resources(self):
        """Evaluated, without what orders them."""
        found = []
        for resource in self.source["resources"]:
            made = self.evaluate(resource)
            made.pop("dependsOn", None)
            found.append(made)
        return found

    @property
    def outputs(self):
        return {name: self.evaluate(output["value"])
                for name, output in self.source["outputs"].items()}
