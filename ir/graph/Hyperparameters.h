//===- Hyperparameters.h - The numbers of optimizers and schedules --------===//
//
// An optimizer or a schedule says once which numbers it takes; the checker of
// the language, the pass that inserts the optimizer and the tests read it here.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_IR_GRAPH_HYPERPARAMETERS_H
#define MLC_IR_GRAPH_HYPERPARAMETERS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

#include <limits>
#include <optional>

namespace mlc::graph {

struct Hyperparameter {
  enum class Kind {
    number,
    count, ///< an integer
    total, ///< a count; where it is not given, the steps of the training
    flag,
    rate ///< a learning rate: a number or a schedule
  };
  llvm::StringLiteral name;
  Kind kind = Kind::number;
  std::optional<double> standard = std::nullopt; ///< none: it has to be given
  double least = 0.0;
  double most = std::numeric_limits<double>::infinity();
  bool below = false; ///< `most` itself is too much
};

/// Values by name, with what is not given at its standard.
class HyperparameterValues {
public:
  HyperparameterValues() = default;
  explicit HyperparameterValues(llvm::ArrayRef<Hyperparameter> known) {
    for (const Hyperparameter &each : known)
      values[each.name] = each.standard.value_or(0.0);
  }
  double operator[](llvm::StringRef name) const { return values.lookup(name); }
  void set(llvm::StringRef name, double value) { values[name] = value; }

private:
  llvm::StringMap<double> values;
};

} // namespace mlc::graph

#endif // MLC_IR_GRAPH_HYPERPARAMETERS_H
