//===- Compiled.h - Models from text, evaluated ----------------*- C++ -*-===//

#ifndef MLC_TEST_FRONTEND_COMPILED_H
#define MLC_TEST_FRONTEND_COMPILED_H

#include "frontend/Frontend.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Pipelines.h"
#include "test/ir/Evaluating.h"

namespace mlc {

/// A test that compiles the text of a model and runs what comes out.
class EvaluatingModels : public Evaluating {
protected:
  using Overrides = std::vector<std::pair<std::string, std::string>>;

  void compile(const std::string &text, Overrides overrides = {}) {
    frontend::CompileOptions options;
    options.fileName = "m.mlg";
    options.text = text;
    options.overrides = std::move(overrides);
    frontend::CompileResult result = frontend::compile(context, options);
    ASSERT_EQ(result.status, frontend::CompileStatus::Ok) << result.diagnostics;
    module = std::move(result.module);
  }

  void lower(void (*pipeline)(mlir::OpPassManager &)) {
    mlir::PassManager manager(&context);
    pipeline(manager);
    ASSERT_TRUE(succeeded(manager.run(*module))) << errors;
  }
};

} // namespace mlc

#endif // MLC_TEST_FRONTEND_COMPILED_H
