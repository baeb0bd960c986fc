# Licensed under the Apache License, Version 2.0; see LICENSE.
"""docs/openapi.yaml, and answers held against it."""

import json
import pathlib
import re

import jsonschema
import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = yaml.safe_load((TOP / "docs/openapi.yaml").read_text(encoding="utf-8"))
SCHEMA = json.loads((TOP / "tests/vectors/openapi/schema-3.1.json").read_text(encoding="utf-8"))
METHODS = ("get", "post", "put", "patch", "delete")


def invalid(document):
    """What OpenAPI's own schema has against a document."""
    found = jsonschema.Draft202012Validator(SCHEMA).iter_errors(document)
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in found]


def resolved(node):
    """What a reference within the document names."""
    while "$ref" in node:
        place = DOCUMENT
        for word in node["$ref"].removeprefix("#/").split("/"):
            place = place[word]
        node = place
    return node


def references(node):
    """All references of a document."""
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "$ref")
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(child)


def operation(method, path):
    """(template, operation) of a request's path; words go before names."""
    fits = [template for template in DOCUMENT["paths"]
            if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path)
            and method.lower() in DOCUMENT["paths"][template]]
    best = min(fits, key=lambda template: template.count("{"), default=None)
    return best, best and DOCUMENT["paths"][best][method.lower()]


def faults(method, path, answer):
    """What of an answer is not documented."""
    template, found = operation(method, path)
    if not template:
        return [f"docs/openapi.yaml: there is no {method} {path}"]
    where = f"docs/openapi.yaml: {method} {template} {answer.status}"
    response = found["responses"].get(str(answer.status))
    if response is None:
        return [f"{where}: this status is not documented"]
    response = resolved(response)
    wrong = [f"{where}: lacks the field {name}" for name, field in response.get("headers", {}).items()
             if field.get("required") and name not in answer.headers]
    content, kind = response.get("content", {}), answer.headers.get_content_type()
    if not content or not answer.body:
        return wrong + [f"{where}: has a body that is not documented"] * bool(answer.body)
    if kind not in content:
        return wrong + [f"{where}: {kind} is not documented"]
    if not kind.endswith("json"):
        return wrong
    schema = {**content[kind]["schema"], "components": DOCUMENT["components"]}
    return wrong + [f"{where}: {'/'.join(map(str, error.path))}: {error.message}" for error in
                    jsonschema.Draft202012Validator(schema).iter_errors(json.loads(answer.body))]
