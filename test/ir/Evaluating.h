//===- Evaluating.h - Evaluates a function given as text --------*- C++ -*-===//

#ifndef MLC_TEST_IR_EVALUATING_H
#define MLC_TEST_IR_EVALUATING_H

#include "ir/dist/DistDialect.h"
#include "ir/graph/GraphOps.h"
#include "ir/interpreter/ProgramRunner.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

namespace mlc {

/// A module from text, and what was diagnosed about it.
class Evaluating : public testing::Test {
protected:
  Evaluating()
      : handler(&context, [this](mlir::Diagnostic &diagnostic) {
          errors += diagnostic.str() + "\n";
        }) {
    context.loadDialect<mlir::func::FuncDialect, graph::GraphDialect,
                        dist::DistDialect>();
  }

  void parse(llvm::StringRef text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(module) << errors;
  }

  mlir::func::FuncOp function(llvm::StringRef name = "f") {
    return module->lookupSymbol<mlir::func::FuncOp>(name);
  }

  /// A literal of the type written in `type`.
  graph::Literal literal(llvm::StringRef type, std::vector<double> values) {
    graph::Literal result(
        mlir::cast<mlir::RankedTensorType>(mlir::parseType(type, &context)));
    EXPECT_EQ(result.size(), static_cast<int64_t>(values.size()));
    if (result.isFloat())
      result.floats = values;
    else
      result.ints.assign(values.begin(), values.end());
    return result;
  }

  /// The values of the first result of @f; none where it fails.
  std::vector<double> run(llvm::ArrayRef<graph::Literal> arguments,
                          interpreter::Options options = {}) {
    auto results = interpreter::evaluate(function(), arguments, options);
    if (failed(results))
      return {};
    std::vector<double> values;
    for (int64_t i = 0; i < results->front().size(); ++i)
      values.push_back(results->front().at(i));
    return values;
  }

  /// The first of `results` results of one op, whose operands are the arguments
  /// of @f: %a, %b, ...
  std::vector<double> runOp(const std::string &op,
                            llvm::ArrayRef<graph::Literal> arguments,
                            const std::string &result, bool f64 = false,
                            int results = 1) {
    std::string text = "func.func @f(";
    llvm::raw_string_ostream os(text);
    for (auto [index, argument] : llvm::enumerate(arguments))
      os << (index ? ", " : "") << "%" << char('a' + index) << ": "
         << argument.getType();
    os << ") -> " << result << " {\n  %r:" << results << " = " << op
       << "\n  return %r#0 : " << result << "\n}\n";
    parse(text);
    return module ? run(arguments, {f64, 1}) : std::vector<double>{};
  }

  mlir::MLIRContext context;
  std::string errors;
  mlir::ScopedDiagnosticHandler handler;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace mlc

#endif // MLC_TEST_IR_EVALUATING_H
