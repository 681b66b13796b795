//===- frontend_fuzzer.cpp - Any text as a model --------------------------===//
//
// The first byte says whether it is the language or the JSON of `--emit ast`.
//
//===----------------------------------------------------------------------===//

#include "frontend/Frontend.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  mlc::frontend::CompileOptions options;
  options.fileName = "fuzzed.mlg";
  options.isAstJson = data[0] == '{';
  options.text.assign(reinterpret_cast<const char *>(data), size);
  options.readImport = [](const std::string &) { return std::nullopt; };
  mlc::frontend::CompileResult result = mlc::frontend::check(options);
  bool ok = result.status == mlc::frontend::CompileStatus::Ok;
  if (ok == !result.diagnostics.empty()) // every failure says why
    std::abort();
  return 0;
}
