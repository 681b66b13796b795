#!/usr/bin/env python3
"""validate.py SCHEMA_DIR FILE...: every FILE, NAME.SCHEMA.json or
NAME.SCHEMA.jsonl, is valid under SCHEMA.schema.json, and is no longer valid
with a member more, or without one that is required."""

import copy
import json
import pathlib
import sys

from jsonschema import Draft202012Validator


def check(validator, path, value):
    errors = sorted(validator.iter_errors(value), key=lambda error: list(error.absolute_path))
    for error in errors[:5]:
        print(f"{path}: at {error.json_path}: {error.message}", file=sys.stderr)
    if errors:
        sys.exit(1)


def check_strict(validator, path, value):
    changed = copy.deepcopy(value)
    changed["surprise"] = {"not": "in the schema"}
    if validator.is_valid(changed):
        sys.exit(f"{path}: the schema lets any member pass")
    for key in ("schema_version", *validator.schema.get("required", [])):
        changed = {name: each for name, each in value.items() if name != key}
        if validator.is_valid(changed):
            sys.exit(f"{path}: valid without {key}")
    if validator.is_valid({**value, "schema_version": 2}):
        sys.exit(f"{path}: valid with another schema_version")


folder = pathlib.Path(sys.argv[1])
validators = {}
for schema in folder.glob("*.schema.json"):
    content = json.loads(schema.read_text())
    Draft202012Validator.check_schema(content)
    validators[schema.name.removesuffix(".schema.json")] = Draft202012Validator(content)

used = set()
for name in sys.argv[2:]:
    path = pathlib.Path(name)
    kind = path.name.split(".")[-2]
    texts = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    if not texts:
        sys.exit(f"{path} is empty")
    values = [json.loads(text, parse_constant=lambda word: sys.exit(f"{path}: {word} is no JSON")) for text in texts]
    for value in values:
        check(validators[kind], path, value)
    check_strict(validators[kind], path, values[0])
    used.add(kind)
if missing := validators.keys() - used:
    sys.exit(f"nothing was checked against {', '.join(sorted(missing))}")
print(f"{len(sys.argv) - 2} files are valid under {len(validators)} schemas")
