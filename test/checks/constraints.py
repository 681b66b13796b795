"""Every constraint such as `(C1)` in the description of an op has a case that breaks it.

A case is a part of test/ir/DIALECT/invalid.mlir, between `// -----` lines, that
uses the op and names the label.

usage: constraints.py SOURCE_DIR
"""
import pathlib
import re
import sys

OP = re.compile(r'^def \w+\s*:\s*\w*Op<"(\w+)".*?(?=^def |\Z)', re.S | re.M)


def constraints(folder):
    """The (op, label) pairs of all .td files of a dialect."""
    for file in sorted(folder.glob("*.td")):
        for match in OP.finditer(file.read_text()):
            for label in re.findall(r"^ *- (\([A-Z]\d+\))", match.group(0), re.M):
                yield match.group(1), label


def main():
    source = pathlib.Path(sys.argv[1])
    count, missing = 0, []
    for dialect in ("graph", "dist", "plan"):
        cases = (source / "test/ir" / dialect / "invalid.mlir").read_text().split("// -----")
        for op, label in constraints(source / "ir" / dialect):
            count += 1
            name = re.compile(rf"\b{dialect}\.{op}\b")
            if not any(name.search(case) and label in case for case in cases):
                missing.append(f"test/ir/{dialect}/invalid.mlir: no case breaks {label} of {dialect}.{op}")
    print("\n".join(missing + [f"{count} constraints, {len(missing)} without a case"]))
    sys.exit(bool(missing) or count == 0)


if __name__ == "__main__":
    main()
