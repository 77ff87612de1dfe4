"""Reads as much of Bicep as main.bicep uses, and evaluates it to what arm.py
makes of the other template.

No compiler: it accepts less, and may accept what Bicep refuses. What it shows
is that both files say the same.
"""

import os
import re

import arm

TOKEN = re.compile(r"""
    (?P<space>[ \t\r]+|//[^\n]*)
  | (?P<newline>\n)
  | (?P<text>'(?:[^'\\\n]|\\.)*')
  | (?P<number>\d+)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<mark>[()\[\]{}.,:?=@])
""", re.X)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "$": "$"}


class Text:
    """A string, with expressions in it."""

    def __init__(self, source):
        self.parts = []
        plain, at = "", 0
        while at < len(source):
            if source[at] == "\\":
                plain += ESCAPES[source[at + 1]]
                at += 2
            elif source.startswith("${", at):
                end = source.index("}", at)
                self.parts += [plain, Parser(source[at + 2:end]).value()]
                plain, at = "", end + 1
            else:
                plain += source[at]
                at += 1
        self.parts.append(plain)


class Parser:
    def __init__(self, source):
        self.tokens, at = [], 0
        while at < len(source):
            found = TOKEN.match(source, at)
            assert found, f"not understood: {source[at:at + 40]!r}"
            if found.lastgroup != "space":
                self.tokens.append((found.lastgroup, found[0]))
            at = found.end()
        self.at = 0

    def peek(self):
        return self.tokens[self.at][1] if self.at < len(self.tokens) else None

    def take(self, wanted=None):
        kind, token = self.tokens[self.at]
        assert wanted in (None, token), (token, wanted)
        self.at += 1
        return kind, token

    def skip(self, *what):
        while self.peek() in what:
            self.at += 1

    # Expressions, as tuples.

    def value(self):
        value = self.postfix()
        if self.peek() != "?":
            return value
        self.take()
        one = self.value()
        self.take(":")
        return "if", value, one, self.value()

    def postfix(self):
        value = self.primary()
        while self.peek() in (".", "["):
            if self.take()[1] == ".":
                value = "member", value, ("constant", self.take()[1])
            else:
                value = "member", value, self.value()
                self.take("]")
        return value

    def primary(self):
        kind, token = self.take()
        if kind == "text":
            return "text", Text(token[1:-1])
        if kind == "number":
            return "constant", int(token)
        if token == "{":
            return "object", self.object()
        if token == "[":
            return "array", self.sequence("]")
        assert kind == "name", token
        if token in ("true", "false", "null"):
            return "constant", {"true": True, "false": False,
                                "null": None}[token]
        if self.peek() == "(":
            self.take()
            return "call", token, self.sequence(")")
        return "name", token

    def sequence(self, end):
        items = []
        self.skip("\n", ",")
        while self.peek() != end:
            items.append(self.value())
            self.skip("\n", ",")
        self.take(end)
        return items

    def object(self):
        members = {}
        self.skip("\n", ",")
        while self.peek() != "}":
            kind, key = self.take()
            key = key[1:-1] if kind == "text" else key
            assert key not in members, key
            self.take(":")
            members[key] = self.value()
            assert self.peek() in ("\n", ",", "}"), self.peek()
            self.skip("\n", ",")
        self.take("}")
        return members

    # Declarations.

    def declarations(self):
        decorators = []
        self.skip("\n")
        while self.peek() is not None:
            if self.peek() == "@":
                self.take()
                decorators.append(self.value())
            else:
                yield decorators, *self.declaration()
                decorators = []
            assert self.peek() in ("\n", None), self.peek()
            self.skip("\n")

    def declaration(self):
        kind, name = self.take()[1], self.take()[1]
        declared = None
        if kind in ("param", "output"):
            declared = self.take()[1]
        elif kind == "resource":
            declared = self.take()[1][1:-1]
        value = None
        if self.peek() == "=":
            self.take()
            value = self.value()
        return kind, name, declared, value


class Template:
    """The parameters, variables, resources and outputs of a file."""

    def __init__(self, path, given):
        with open(path) as source:
            declarations = list(Parser(source.read()).declarations())
        self.folder = os.path.dirname(path)
        self.given = given
        self.parameters, self.values, self.symbols = {}, {}, {}
        self.output_values = {}
        for decorators, kind, name, declared, value in declarations:
            place = {"param": self.values, "var": self.values,
                     "resource": self.symbols,
                     "output": self.output_values}[kind]
            assert name not in place, name
            place[name] = (declared, value) if kind == "resource" else value
            if kind == "param":
                self.parameters[name] = self.parameter(declared, value,
                                                       decorators)

    def parameter(self, declared, default, decorators):
        """As ARM declares it."""
        found = {"type": declared, "metadata": {}}
        for call, name, values in decorators:
            assert call == "call"
            if name == "secure":
                found["type"] = "secureString"
            elif name == "description":
                found["metadata"]["description"] = self.evaluate(values[0])
            elif name == "allowed":
                found["allowedValues"] = self.evaluate(values[0])
            else:
                found[name] = self.evaluate(values[0])
        if default is not None:
            found["defaultValue"] = self.evaluate(default)
        return found

    def evaluate(self, value):
        kind, *rest = value
        return getattr(self, "evaluate_" + kind)(*rest)

    def evaluate_constant(self, value):
        return value

    def evaluate_text(self, value):
        return "".join(part if isinstance(part, str)
                       else arm.text(self.evaluate(part))
                       for part in value.parts)

    def evaluate_object(self, members):
        return {k: self.evaluate(v) for k, v in members.items()}

    def evaluate_array(self, items):
        return [self.evaluate(item) for item in items]

    def evaluate_if(self, condition, one, other):
        return self.evaluate(one if self.evaluate(condition) else other)

    def evaluate_member(self, of, name):
        return self.evaluate(of)[self.evaluate(name)]

    def evaluate_name(self, name):
        if name in self.given:
            return self.given[name]
        if name in self.values:
            assert self.values[name] is not None, f"no value for {name}"
            return self.evaluate(self.values[name])
        declared, value = self.symbols[name]
        own_name = self.evaluate(value[1]["name"])
        identity = arm.resource_id(declared.split("@")[0], own_name)
        known = {"id": identity, "name": own_name}
        if "/publicIPAddresses/" in identity:
            known["properties"] = arm.reference(identity)
        return known

    def evaluate_call(self, name, values):
        values = [self.evaluate(value) for value in values]
        if name == "loadTextContent":
            with open(os.path.join(self.folder, values[0])) as source:
                return source.read()
        return arm.FUNCTIONS[name.lower()](*values)

    @property
    def resources(self):
        found = []
        for declared, value in self.symbols.values():
            kind, version = declared.split("@")
            found.append({"type": kind, "apiVersion": version,
                          **self.evaluate(value)})
        return found

    @property
    def outputs(self):
        return {name: self.evaluate(value)
                for name, value in self.output_values.items()}
