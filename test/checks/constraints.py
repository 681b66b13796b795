"""Every constraint such as `(C1)` in the description of an op or attribute has a case that breaks it.

A case is a part of some test/ir/DIALECT/invalid*.mlir, between `// -----` lines, that
uses it and names the label.

usage: constraints.py SOURCE_DIR
"""
import pathlib
import re
import sys

OP = re.compile(r'^def \w+\s*:\s*(?:\w*(?:Op|Step)<|(?:Op|AttrDef)<\w+, )"(\w+)".*?(?=^def |\Z)', re.S | re.M)
LABEL = re.compile(r"^ *- (\([A-Z]\d+\))", re.M)


def constraints(folder):
    """The (op or attribute, label) pairs of all .td files of a dialect; ("", label) for one of neither."""
    for file in sorted(folder.glob("*.td")):
        text = file.read_text()
        for label in LABEL.findall(OP.sub("", text)):
            yield "", label
        for match in OP.finditer(text):
            for label in LABEL.findall(match.group(0)):
                yield match.group(1).lower(), label


def main():
    source = pathlib.Path(sys.argv[1])
    count, missing = 0, []
    for dialect in ("graph", "dist", "plan"):
        files = sorted((source / "test/ir" / dialect).glob("invalid*.mlir"))
        cases = [case for file in files for case in file.read_text().split("// -----")]
        for op, label in constraints(source / "ir" / dialect):
            count += 1
            if not op:
                missing.append(f"ir/{dialect}: {label} belongs to no op or attribute that this check knows")
                continue
            name = re.compile(rf"\b{dialect}\.{op}\b")
            if not any(name.search(case) and label in case for case in cases):
                missing.append(f"test/ir/{dialect}: no case breaks {label} of {dialect}.{op}")
    print("\n".join(missing + [f"{count} constraints, {len(missing)} without a case"]))
    sys.exit(bool(missing) or count == 0)


if __name__ == "__main__":
    main()
