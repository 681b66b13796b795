import os
import lit.formats

config.name = "mlc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".mlg", ".test"]
config.excludes = ["models", "Inputs"]
config.test_source_root = os.path.dirname(__file__)
config.environment["PATH"] = os.pathsep.join(
    [config.mlc_tools_dir, config.llvm_tools_dir, os.environ["PATH"]]
)
config.environment["NO_COLOR"] = "1"
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "HOME"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
config.substitutions.append(("%models", os.path.join(config.test_source_root, "frontend", "models")))
config.substitutions.append(("%examples", os.path.join(config.test_source_root, "..", "examples")))
